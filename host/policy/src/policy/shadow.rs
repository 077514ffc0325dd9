//! Policies in shadow mode: asked about copies of the facts, off the handshake, and never heard.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use reprise_session::{
    session::SessionId,
    vital::{Ended, Heart, Vitals},
};

use super::{
    Budget, Failure, Notes, Policy,
    chain::{forgets, refuses_get, refuses_new},
    facts::{Facts, SessionFacts},
    thread::OwnedThread,
    wit::types::{Connection, Removal, Session},
};

/// How the verdicts of a policy in shadow mode compare with what was decided. Where it abstains or
/// is quarantined nothing counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShadowCounts {
    /// It would have decided the same.
    pub agreed: u64,
    /// It would have refused to keep or resume a session, or forgotten one, where that was not decided.
    pub would_have_refused: u64,
    /// It would have kept or resumed a session, or not forgotten one, where the opposite was decided.
    pub would_have_allowed: u64,
    /// Its call failed.
    pub failed: u64,
    /// It was not asked, because too many decisions were waiting.
    pub dropped: u64,
}

/// [`ShadowCounts`], counting.
#[derive(Debug, Default)]
pub(super) struct Tally {
    agreed: AtomicU64,
    would_have_refused: AtomicU64,
    would_have_allowed: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    pub(super) fn counts(&self) -> ShadowCounts {
        ShadowCounts {
            agreed: self.agreed.load(Relaxed),
            would_have_refused: self.would_have_refused.load(Relaxed),
            would_have_allowed: self.would_have_allowed.load(Relaxed),
            failed: self.failed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
        }
    }

    /// Its verdict was to refuse or not, where it was decided to refuse or not.
    fn compare(&self, refuses: bool, refused: bool) {
        let count = match (refuses, refused) {
            (true, false) => &self.would_have_refused,
            (false, true) => &self.would_have_allowed,
            _ => &self.agreed,
        };
        count.fetch_add(1, Relaxed);
    }
}

/// A decision that was made, with copies of what it was made from.
#[derive(Debug, PartialEq)]
pub struct Decided {
    /// What it was about.
    pub about: About,
    /// The policies refused the session, or forget it.
    pub refused: bool,
}

/// What policies were shown. There are notes in it, each of which is for one policy alone.
#[derive(Debug, PartialEq)]
pub enum About {
    /// A session that was made.
    New {
        /// The connection that made it.
        connection: Connection,
        /// It.
        session: Session,
        /// The notes of the session that was resumed.
        notes: Notes,
    },
    /// A session that was offered.
    Get {
        /// The connection that offers it.
        connection: Connection,
        /// It.
        candidate: Session,
        /// Its notes.
        notes: Notes,
    },
    /// A session that was given up.
    Remove {
        /// Its id.
        id: SessionId,
        /// It, if it is still there, and its notes.
        session: Option<(Session, Notes)>,
        /// Why.
        why: Removal,
    },
}

struct Case {
    decided: Arc<Decided>,
    policies: Vec<Arc<Policy>>,
}

/// The thread that asks, and its queue. It is one thread, so that policies that decide nothing take one core at most.
pub(super) struct Shadow {
    queue: SyncSender<Case>,
    // Held to be joined when dropped, after the queue's end.
    _thread: OwnedThread,
}

impl Shadow {
    /// Starts it; a call of it may take what `budget` is, and `waiting` decisions may wait.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(waiting: usize, budget: Duration, vitals: &Vitals) -> io::Result<Self> {
        let (queue, cases) = sync_channel(waiting);
        let thread = OwnedThread::spawn(vitals, "reprise-shadow", move |heart| run(&cases, budget, heart))?;
        Ok(Self { queue, _thread: thread })
    }

    /// Has `policies` asked about what was decided, if there is room. Never waits.
    pub(super) fn compare(&self, policies: Vec<Arc<Policy>>, decided: Arc<Decided>) {
        if let Err(TrySendError::Full(Case { policies, .. }) | TrySendError::Disconnected(Case { policies, .. })) =
            self.queue.try_send(Case { decided, policies })
        {
            for policy in policies {
                policy.tally().dropped.fetch_add(1, Relaxed);
            }
        }
    }
}

fn run(cases: &Receiver<Case>, budget: Duration, heart: &Heart) -> Ended {
    for Case { decided, policies } in cases {
        let _busy = heart.works();
        for policy in policies {
            match decided.about.refused_by(&policy, &mut Budget::new(budget)) {
                Ok(Some(refuses)) => policy.tally().compare(refuses, decided.refused),
                Ok(None) | Err(Failure::Quarantined | Failure::Retired) => {}
                Err(_) => drop(policy.tally().failed.fetch_add(1, Relaxed)),
            }
        }
    }
    Ended::Told
}

impl About {
    /// Whether `policy` would refuse; none if it has no opinion.
    fn refused_by(&self, policy: &Policy, budget: &mut Budget) -> Result<Option<bool>, Failure> {
        match self {
            Self::New { connection, session, notes } => {
                let (mut connection, mut session) = (Facts::new(connection), SessionFacts::new(session, notes));
                let verdict = policy.new_session(budget, &mut connection, &mut session)?;
                Ok(verdict.map(|verdict| refuses_new(&verdict)))
            }
            Self::Get { connection, candidate, notes } => {
                let (mut connection, mut candidate) = (Facts::new(connection), SessionFacts::new(candidate, notes));
                let verdict = policy.get_session(budget, &mut connection, &mut candidate)?;
                Ok(verdict.map(refuses_get))
            }
            Self::Remove { id, session, why } => {
                let mut session = session.as_ref().map(|(session, notes)| SessionFacts::new(session, notes));
                let verdict = policy.remove_session(budget, id, session.as_mut(), *why)?;
                Ok(verdict.map(forgets))
            }
        }
    }
}
