//! Several policies, one decision.

use std::sync::Arc;

use super::{
    Asked, Budget, GetDecision, NewDecision, Notes, Policy, Terms,
    wit::types::{Connection, Removal, RemoveVerdict, Session},
};
use crate::session::SessionId;

/// The policies in force, in file-name order. A handshake takes one snapshot and is decided by it from start to end.
#[derive(Clone, Default)]
pub struct Chain {
    policies: Vec<Arc<Policy>>,
}

impl Chain {
    /// A chain of these policies, asked in this order.
    pub fn new(policies: Vec<Arc<Policy>>) -> Self {
        Self { policies }
    }

    /// The policies, in the order in which they are asked.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// Whether any policy asks for the attribute `name`. Attributes that nobody asks for need not be gathered.
    pub fn asks_for(&self, _name: &str) -> bool {
        unimplemented!()
    }

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
