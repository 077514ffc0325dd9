//! remove_cb: OpenSSL gave a session up. Queued here, without a lock of OpenSSL's or a call that needs one; decided on a
//! worker of the host.
//!
//! By itself the host forgets a session only after a fatal alert on an established connection (RFC 5246 section 7.2.2).
//! Everything else retains it: browsers close without `close_notify` every day, and a stranger who saw a TLS 1.2 session id
//! can make a handshake with it fail, which must not take the session from its owner.

use std::{
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use reprise_openssl::facts::{Circumstances, Users};

use reprise_policy::policy::{
    About, Callback, Decided,
    wit::types::{Removal, RemoveVerdict},
};
use reprise_session::{
    clock,
    session::{Record, SessionId},
    vital::{Ended, Heart},
};
use reprise_store::store::{Found, RecordBytes, Removed, Scope};

use super::Resources;
use crate::consultation::{self, Consultation, Verdict};

/// How often the store may give up what has expired.
const MAINTENANCE: Duration = Duration::from_secs(1);

/// A session given up, on its way to the worker.
pub struct GivenUp {
    id: SessionId,
    why: Removal,
    by: By,
}

enum By {
    /// By OpenSSL; it may still be in the store.
    OpenSsl {
        /// The connection's handshake was complete.
        established: bool,
    },
    /// By the store, which has it no more.
    Store(RecordBytes),
    /// By an operator, who revoked it; it is in the store until it is taken out.
    Operator(RecordBytes),
}

/// Queues a session that OpenSSL gave up, if it is one of ours.
pub fn queue(resources: &Resources, id: SessionId, circumstances: Circumstances) {
    let Some(id) = resources.keyring.recognise(id.as_bytes()) else { return };
    let established = matches!(circumstances.users, Users::One { established: true, .. });
    let by = By::OpenSsl { established };
    resources.living.given_up(GivenUp { id, why: cause(circumstances), by });
}

/// Queues a session that left the store.
pub fn queue_stored(resources: &Resources, removed: Removed) {
    resources.living.given_up(GivenUp { id: removed.id, why: removed.why, by: By::Store(removed.record) });
}

/// Queues a session that was found and is revoked. One that was taken as it was found is out of the store, which said so.
pub fn queue_revoked(resources: &Resources, id: SessionId, found: Found) {
    if !found.consumed {
        resources.living.given_up(GivenUp { id, why: Removal::Revoked, by: By::Operator(found.record) });
    }
}

fn cause(circumstances: Circumstances) -> Removal {
    match (circumstances.users, circumstances) {
        (_, Circumstances { freed: true, .. } | Circumstances { unexpected_eof: true, .. }) => Removal::UncleanClose,
        (Users::One { failed: true, .. }, _) | (Users::Several, Circumstances { error: true, .. }) => {
            Removal::FatalAlert
        }
        // Freed, by an OpenSSL that leaves ex_data for last.
        (Users::One { failed: false, .. }, _) => Removal::UncleanClose,
        _ => Removal::Unknown,
    }
}

/// Decides about sessions given up, and lets the store give up what has expired, for as long as there is a host: its queue
/// ends with it. Nobody waits for this thread, which may be the last to hold what it works with.
pub fn work(resources: &Weak<Resources>, queue: &Receiver<GivenUp>, heart: &Heart) -> Ended {
    let mut maintained = Instant::now();
    loop {
        let next = queue.recv_timeout(MAINTENANCE.saturating_sub(maintained.elapsed()));
        let Some(resources) = resources.upgrade() else { return Ended::Told };
        let _busy = heart.works();
        match next {
            Ok(given_up) => decide(&resources, &given_up),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ended::Told,
        }
        if maintained.elapsed() >= MAINTENANCE {
            clock::watch();
            resources.store.maintain(resources.now());
            resources.revocations.maintain(&*resources.store, resources.now());
            maintained = Instant::now();
        }
    }
}

/// Asks the policies about a session given up, and does as they or the host's default say. On the worker.
fn decide(resources: &Resources, given_up: &GivenUp) {
    let GivenUp { id, why, by } = given_up;
    let policies = resources.chain();
    // What nobody asks about is neither read, from a disk perhaps, nor decoded: connections close uncleanly every day.
    let wanted =
        policies.as_ref().is_some_and(|policies| policies.decides_removals()) || resources.listeners.are_there();
    let (record, default) = match by {
        By::OpenSsl { established } => {
            let forget = *established && *why == Removal::FatalAlert;
            (if wanted { resources.store.peek(id) } else { None }, forget)
        }
        By::Store(record) => (Some(record.clone()), false),
        By::Operator(record) => {
            let removed = resources.store.remove(id);
            // Offered twice at once, it is told once. A store of several processes may not know at once what it removed.
            if removed.is_none() && resources.store.scope() == Scope::Process {
                return;
            }
            tracing::debug!(session = %id, "a revoked session is removed");
            (Some(record.clone()), false)
        }
    };
    let record = record.filter(|_| wanted).and_then(|record| Record::decode(&record).ok());
    let facts = record.as_ref().map(|record| (record.facts(id, 0), &record.notes));
    let session = facts.as_ref().map(|(facts, notes)| (facts, *notes));
    let (verdict, asked) = policies.as_ref().map_or((RemoveVerdict::HostDefault, Vec::new()), |policies| {
        policies.decide_remove(&mut resources.budget(), id, session, *why)
    });
    let forget = default || verdict == RemoveVerdict::Forget;
    let is_there = matches!(by, By::OpenSsl { .. });
    if is_there && forget && resources.store.remove(id).is_some() {
        tracing::debug!(session = %id, ?why, "a session is forgotten");
    }
    let shadowed = policies.as_ref().filter(|policies| policies.compares()).map(|_| {
        let session = session.map(|(session, notes)| (session.clone(), notes.clone()));
        let about = About::Remove { id: *id, session, why: *why };
        Arc::new(Decided { about, refused: verdict == RemoveVerdict::Forget })
    });
    resources.tell(policies.as_deref(), shadowed, || Consultation {
        server_name: session.and_then(|(session, _)| session.server_name.clone()),
        about: record.as_ref().map(consultation::About::of),
        asked,
        ..Consultation::new(
            resources.now(),
            Callback::Remove,
            id.to_string(),
            if forget || !is_there { Verdict::Forgets(*why) } else { Verdict::Retains(*why) },
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Circumstances =
        Circumstances { users: Users::None, freed: false, error: false, unexpected_eof: false };

    #[test]
    fn the_cause_is_told_from_the_circumstances() {
        let error = Circumstances { error: true, ..NOTHING };
        let one = |failed| Users::One { established: true, failed };
        for (users, circumstances, cause_is) in [
            (Users::None, Circumstances { freed: true, ..error }, Removal::UncleanClose),
            (one(true), Circumstances { unexpected_eof: true, ..error }, Removal::UncleanClose),
            (one(true), error, Removal::FatalAlert),
            (one(false), error, Removal::UncleanClose),
            (one(false), NOTHING, Removal::UncleanClose),
            (Users::Several, error, Removal::FatalAlert),
            (Users::Several, NOTHING, Removal::Unknown),
            (Users::None, error, Removal::Unknown),
        ] {
            assert_eq!(cause(Circumstances { users, ..circumstances }), cause_is, "{users:?} {circumstances:?}");
        }
    }
}
