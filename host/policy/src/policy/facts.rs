//! Facts as each policy may see them.

use super::{
    Notes, Policy, share,
    wit::types::{Attributes, Connection, Session},
};

/// A connection, shown to one policy after another. It is copied once, and only if a policy may not see all of it.
pub(super) struct Facts<'a> {
    given: &'a Connection,
    tailored: Option<Connection>,
}

/// A session, likewise, with each policy's own note.
pub(super) struct SessionFacts<'a> {
    given: &'a Session,
    notes: &'a Notes,
    tailored: Option<Session>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(given: &'a Connection) -> Self {
        Self { given, tailored: None }
    }

    /// Whether `policy` is asked about this connection at all.
    pub(super) fn are_in_the_share_of(&self, policy: &Policy) -> bool {
        share::contains(policy.share(), policy.name(), self.given)
    }

    /// The connection with the attributes that `policy` asks for.
    pub(super) fn of(&mut self, policy: &Policy) -> &Connection {
        if asks_for_all(policy, &self.given.attributes) {
            return self.given;
        }
        let tailored = self.tailored.get_or_insert_with(|| self.given.clone());
        tailored.attributes = asked_for(policy, &self.given.attributes);
        tailored
    }
}

impl<'a> SessionFacts<'a> {
    pub(super) fn new(given: &'a Session, notes: &'a Notes) -> Self {
        Self { given, notes, tailored: None }
    }

    /// Whether `policy` attached a note to it.
    pub(super) fn are_noted_by(&self, policy: &Policy) -> bool {
        self.notes.iter().any(|(name, _)| name == policy.name())
    }

    /// The session with the note and the attributes that are `policy`'s.
    pub(super) fn of(&mut self, policy: &Policy) -> &Session {
        let note = self.notes.iter().find(|(name, _)| name == policy.name()).map(|(_, note)| note);
        if note == self.given.note.as_ref() && asks_for_all(policy, &self.given.attributes) {
            return self.given;
        }
        let tailored = self.tailored.get_or_insert_with(|| self.given.clone());
        tailored.note = note.cloned();
        tailored.attributes = asked_for(policy, &self.given.attributes);
        tailored
    }
}

fn asks_for_all(policy: &Policy, attributes: &Attributes) -> bool {
    attributes.iter().all(|(name, _)| policy.attributes().contains(name))
}

fn asked_for(policy: &Policy, attributes: &Attributes) -> Attributes {
    attributes.iter().filter(|(name, _)| policy.attributes().contains(name)).cloned().collect()
}
