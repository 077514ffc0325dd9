//! What is to be consumed is taken out of the store once it is known that its owner offers it.
//!
//! A session's id goes over the network in clear: in TLS 1.2 as the session id, in TLS 1.3 as the PSK identity. So the
//! store is asked what it has and keeps it; then come the host's invariants, which are not told about another site's
//! sessions, and in TLS 1.3 the binder, which only who has the session's secret can make; then the store is asked for
//! it, which is the one atomic step. What it gives has to be what was looked at.
//!
//! In TLS 1.2 the client proves itself in its Finished, when the server has said long since that it resumes: there, who
//! has seen the id of a session for single use can spend it at the site where it was made, and no more than that.

use std::time::Duration;

use reprise_policy::policy::wit::types::TlsVersion;
use reprise_session::session::{Miss, SessionId};
use reprise_store::store::{Answer, Found};

use super::{
    Handshake, Now, Resources, Stage,
    ahead::{Lookup, Question},
    look_up::{self, Candidate, Examined, Unfit},
};

/// Whether a session is offered by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offered {
    ByOwner,
    ByStranger,
    /// The ClientHello was not seen as it was sent, or is too long.
    Unknown,
}

impl Handshake {
    /// Goes on with a look-up that the store has answered: if it found what is to be consumed, it is asked for that
    /// now, which is what true says.
    pub(super) fn takes(&mut self, resources: &Resources, id: SessionId, now: Now<'_>) -> bool {
        let Some(place) = self.place(id) else { return false };
        // In its place, should anything below panic.
        let Some(lookup) = self.exchange(place, Lookup::Judged(Err(Miss::Internal.into()))) else { return false };
        let next = match lookup {
            Lookup::Answered { asked, took, question: Question::Look, answer: Ok(Some(found)) }
                if self.is_to_be_taken(&id, &found, now) =>
            {
                let answer = Ok(Some(found));
                self.heard(place, took, &answer);
                self.looked(resources, id, (asked, answer), now)
            }
            Lookup::Answered { took, question: Question::Take(examined), answer, .. } => {
                self.heard(place, took, &answer);
                taken(examined, answer).map_or_else(|unfit| Lookup::Judged(Err(unfit)), Lookup::Examined)
            }
            other => other,
        };
        let takes = matches!(
            next,
            Lookup::Pending { question: Question::Take(_), .. } | Lookup::Answered { question: Question::Take(_), .. }
        );
        self.exchange(place, next);
        takes
    }

    pub(super) fn place(&self, id: SessionId) -> Option<usize> {
        let Stage::Deciding(deciding) = &self.stage else { return None };
        deciding.searches.iter().position(|search| search.id == id)
    }

    /// Puts a look-up at `place`, and gives the one that was there.
    pub(super) fn exchange(&mut self, place: usize, lookup: Lookup) -> Option<Lookup> {
        let Stage::Deciding(deciding) = &mut self.stage else { return None };
        deciding.searches.get_mut(place).map(|search| std::mem::replace(&mut search.lookup, lookup))
    }

    /// The look-up at `place` was answered, after that long.
    pub(super) fn heard(&mut self, place: usize, took: Duration, answer: &Answer) {
        let Stage::Deciding(deciding) = &mut self.stage else { return };
        if let Some(search) = deciding.searches.get_mut(place) {
            search.heard(took, answer);
        }
    }

    fn is_to_be_taken(&self, id: &SessionId, found: &Found, now: Now<'_>) -> bool {
        !found.consumed && (found.single_use || self.asks_for_early_data(id, now))
    }

    /// Whether 0-RTT data may come by this session: it is sent for the first identity, and never after a
    /// HelloRetryRequest (RFC 8446 section 4.2.10).
    fn asks_for_early_data(&self, id: &SessionId, now: Now<'_>) -> bool {
        now.version == Some(TlsVersion::Tls13)
            && self.hello.early_data
            && now.able.early_data
            && self.hello.identities.first().is_some_and(|first| first == id.as_bytes())
            && !self.second
    }

    /// What is to be consumed was found.
    fn looked(&self, resources: &Resources, id: SessionId, answer: (u64, Answer), now: Now<'_>) -> Lookup {
        let examined = match look_up::examine(resources, self, id, answer, now) {
            Ok(examined) => Box::new(examined),
            Err(unfit) => return Lookup::Judged(Err(unfit)),
        };
        // The handshake ends, and nothing is spent on that.
        if self.loses_extended_master_secret(&examined.record, now) {
            return Lookup::Examined(examined);
        }
        let tls13 = now.version == Some(TlsVersion::Tls13);
        match if tls13 { self.offered(&examined, now) } else { Offered::ByOwner } {
            Offered::ByOwner => Lookup::begin(resources, &id, Question::Take(examined)),
            // It resumes without being consumed, then without 0-RTT; or not, for OpenSSL checks the binder too.
            _ if !examined.found.single_use => Lookup::Examined(examined),
            Offered::ByStranger => Lookup::Judged(Ok(Candidate::that_ends_it(*examined, Miss::Binder))),
            Offered::Unknown => Lookup::Judged(Err(Unfit::of(Miss::Binder, examined.record))),
        }
    }

    /// Whether a TLS 1.3 session is offered by its owner, as its binder says.
    fn offered(&self, examined: &Examined, now: Now<'_>) -> Offered {
        let verifies = || {
            let place = self.hello.identities.iter().position(|offered| offered == examined.id.as_bytes())?;
            now.proof?.verifies(place, examined.record.cipher_suite, &examined.secret()?)
        };
        match verifies() {
            Some(true) => Offered::ByOwner,
            Some(false) => Offered::ByStranger,
            None => Offered::Unknown,
        }
    }
}

/// What the store gave up, or not.
fn taken(mut examined: Box<Examined>, answer: Answer) -> Result<Box<Examined>, Unfit> {
    let taken = look_up::found(&examined.id, answer).map_err(|miss| Unfit::of(miss, examined.record.clone()))?;
    if *taken.record != *examined.found.record {
        // Another session came in the place of the one looked at. This handshake knows nothing of it.
        return Err(Unfit::of(Miss::NotFound, examined.record));
    }
    examined.found.consumed = taken.consumed;
    Ok(examined)
}
