//! Wasm's side: from a module's bytes to a policy that answers, and from several policies to one decision.

mod outcome;
pub mod wit;

pub use self::outcome::{Answer, Asked, Failure, GetDecision, NewDecision, Notes, Objection, Terms};
use self::wit::types::{Connection, Removal, RemoveVerdict, Session};
use crate::session::SessionId;
use std::{sync::Arc, time::Duration};

/// What a handshake may still spend on policies.
#[derive(Clone, Copy, Debug)]
pub struct Budget(Duration);

impl Budget {
    /// A budget for one handshake.
    pub fn new(total: Duration) -> Self {
        Self(total)
    }
}

/// The policies in force, in file-name order. A handshake takes one snapshot and is decided by it from start to end.
#[derive(Default)]
pub struct Chain;

impl Chain {
    /// Asks every policy whether `session` is kept.
    pub fn decide_new(
        &self,
        _budget: &mut Budget,
        _connection: &Connection,
        _session: &Session,
        notes: &Notes,
    ) -> (NewDecision, Vec<Asked>) {
        (NewDecision::Keep(Terms { notes: notes.clone(), ..Terms::default() }), Vec::new())
    }
    /// Asks every policy whether `candidate` resumes.
    pub fn decide_get(
        &self,
        _budget: &mut Budget,
        _connection: &Connection,
        _candidate: &Session,
        _notes: &Notes,
    ) -> (GetDecision, Vec<Asked>) {
        (GetDecision::Resume { early_data: true }, Vec::new())
    }
    /// Asks every policy what happens to a session that was given up.
    pub fn decide_remove(
        &self,
        _budget: &mut Budget,
        _id: &SessionId,
        _session: Option<(&Session, &Notes)>,
        _why: Removal,
    ) -> (RemoveVerdict, Vec<Asked>) {
        (RemoveVerdict::HostDefault, Vec::new())
    }
}
