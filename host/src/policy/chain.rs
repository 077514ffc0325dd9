//! Several policies, one decision.

use std::sync::Arc;

use super::{
    Answer, Asked, Budget, Callback, Failure, GetDecision, NewDecision, Notes, Objection, Policy, Terms,
    facts::{Facts, SessionFacts},
    wit::types::{Connection, GetVerdict, NewVerdict, Reach, Removal, RemoveVerdict, Session, Terms as Asks},
};
use crate::session::SessionId;

/// Bytes of one policy's note.
pub(super) const MAX_NOTE: usize = 1_024;

/// The policies in force, in file-name order. A handshake takes one snapshot and is decided by it from start to end.
///
/// Every policy is asked, even after an objection, and each can only narrow what the others leave.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    policies: Vec<Arc<Policy>>,
    missing: Vec<Arc<str>>,
}

impl Chain {
    /// A chain of these policies, asked in this order.
    pub fn new(policies: Vec<Arc<Policy>>) -> Self {
        Self { policies, missing: Vec::new() }
    }

    /// The chain with these policies missing: they should be in force and could not be loaded, so each counts as objecting to
    /// every session ([`Failure::NotLoaded`]).
    pub fn with_missing(mut self, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.missing.extend(names);
        self
    }

    /// The policies, in the order in which they are asked.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The policies that should be in force and could not be loaded.
    pub fn missing(&self) -> &[Arc<str>] {
        &self.missing
    }

    /// Whether any policy asks for the attribute `name`. One that nobody asks for need not be gathered: facts without
    /// attributes go into the sandbox as they are, others are copied for the policies that did not ask.
    pub fn asks_for(&self, name: &str) -> bool {
        self.policies.iter().any(|policy| policy.attributes().iter().any(|asked| asked == name))
    }

    /// Asks every policy whether `session` is kept, and with what terms: the shortest lifetime, single-use if any says so, the
    /// nearer reach, the first priority. `notes` are those of the session that was resumed; a policy's new one replaces its
    /// own, the others stay.
    ///
    /// A failed call counts as a refusal, or by the policy's NAME.toml as no opinion.
    pub fn decide_new(
        &self,
        budget: &mut Budget,
        connection: &Connection,
        session: &Session,
        notes: &Notes,
    ) -> (NewDecision, Vec<Asked>) {
        let mut terms = Terms { notes: notes.clone(), ..Terms::default() };
        let (mut connection, mut session) = (Facts::new(connection), SessionFacts::new(session, notes));
        let (objection, asked) = self.ask(|policy| {
            if !policy.exports_new() {
                return Ok(None);
            }
            let (connection, session) = (connection.of(policy), session.of(policy));
            let call =
                policy.call(Callback::New, budget, |instance| instance.new_session(connection, session), is_valid)?;
            let Some(verdict) = call else { return Ok(None) };
            let refused = match &verdict {
                NewVerdict::Keep(Asks { lifetime: Some(0), .. }) | NewVerdict::Refuse => true,
                NewVerdict::Keep(asks) => {
                    narrow(&mut terms, policy, asks);
                    false
                }
            };
            Ok(Some((Answer::New(verdict), refused)))
        });
        (objection.map_or(NewDecision::Keep(terms), NewDecision::Refuse), asked)
    }

    /// Asks every policy whether `candidate` resumes, with the `notes` that were attached when it was kept.
    ///
    /// A failed call counts as `full-handshake`, or by the policy's NAME.toml as no opinion.
    pub fn decide_get(
        &self,
        budget: &mut Budget,
        connection: &Connection,
        candidate: &Session,
        notes: &Notes,
    ) -> (GetDecision, Vec<Asked>) {
        let mut early_data = true;
        let (mut connection, mut candidate) = (Facts::new(connection), SessionFacts::new(candidate, notes));
        let (objection, asked) = self.ask(|policy| {
            if !policy.exports_get() {
                return Ok(None);
            }
            let (connection, candidate) = (connection.of(policy), candidate.of(policy));
            let call =
                policy.call(Callback::Get, budget, |instance| instance.get_session(connection, candidate), |_| true)?;
            early_data &= call != Some(GetVerdict::ResumeWithoutEarlyData);
            Ok(call.map(|verdict| (Answer::Get(verdict), verdict == GetVerdict::FullHandshake)))
        });
        (objection.map_or(GetDecision::Resume { early_data }, GetDecision::FullHandshake), asked)
    }

    /// Asks every policy what happens to a session that was given up; `session` is none where the store no longer has it. One
    /// `forget` is enough.
    ///
    /// A failed call counts as `host-default`: there is nobody to protect by forgetting, and a stranger must not be able to
    /// make sessions go away by making a policy fail.
    pub fn decide_remove(
        &self,
        budget: &mut Budget,
        id: &SessionId,
        session: Option<(&Session, &Notes)>,
        why: Removal,
    ) -> (RemoveVerdict, Vec<Asked>) {
        let id = id.as_bytes().to_vec();
        let mut verdict = RemoveVerdict::HostDefault;
        let mut session = session.map(|(session, notes)| SessionFacts::new(session, notes));
        let (_, asked) = self.ask(|policy| {
            if !policy.exports_remove() {
                return Ok(None);
            }
            let session = session.as_mut().map(|session| session.of(policy));
            let call = policy.call(
                Callback::Remove,
                budget,
                |instance| instance.remove_session(&id, session, why),
                |_| true,
            )?;
            if call == Some(RemoveVerdict::Forget) {
                verdict = RemoveVerdict::Forget;
            }
            Ok(call.map(|verdict| (Answer::Remove(verdict), verdict == RemoveVerdict::Forget)))
        });
        (verdict, asked)
    }

    /// Asks each policy; `one` gives its answer and whether that is an objection, or none where it has no opinion. The first
    /// objection, if any, and everybody's part.
    fn ask(
        &self,
        mut one: impl FnMut(&Policy) -> Result<Option<(Answer, bool)>, Failure>,
    ) -> (Option<Objection>, Vec<Asked>) {
        let mut objection = None;
        let mut asked = Vec::with_capacity(self.policies.len());
        for policy in &self.policies {
            let (answer, objects, failure) = match one(policy) {
                Ok(Some((answer, objects))) => {
                    policy.counts().answered(&answer);
                    (answer, objects, None)
                }
                Ok(None) => (Answer::NoOpinion, false, None),
                Err(failure) => {
                    let answer = policy.failed(failure);
                    let objects = matches!(answer, Answer::FailedObjecting(_));
                    (answer, objects, Some(failure))
                }
            };
            if objects {
                objection.get_or_insert_with(|| Objection { policy: Arc::clone(policy.shared_name()), failure });
            }
            let (name, generation) = (Arc::clone(policy.shared_name()), policy.generation());
            asked.push(Asked { policy: name, generation, answer });
        }
        for name in &self.missing {
            let failure = Failure::NotLoaded;
            objection.get_or_insert_with(|| Objection { policy: Arc::clone(name), failure: Some(failure) });
            let answer = Answer::FailedObjecting(failure);
            asked.push(Asked { policy: Arc::clone(name), generation: 0, answer });
        }
        (objection, asked)
    }
}

/// Whether a verdict keeps the limits that its type does not have.
pub(super) fn is_valid(verdict: &NewVerdict) -> bool {
    match verdict {
        NewVerdict::Keep(Asks { note: Some(note), .. }) => note.len() <= MAX_NOTE,
        NewVerdict::Keep(_) | NewVerdict::Refuse => true,
    }
}

/// Adds what one more policy asks for. Its attributes are left out: this host knows none in terms, and ignores the unknown.
fn narrow(terms: &mut Terms, policy: &Policy, asks: &Asks) {
    terms.lifetime = match (terms.lifetime, asks.lifetime) {
        (Some(shortest), Some(asked)) => Some(shortest.min(asked)),
        (shortest, asked) => shortest.or(asked),
    };
    terms.single_use = match (terms.single_use, asks.single_use) {
        (Some(so_far), Some(asked)) => Some(so_far || asked),
        (so_far, asked) => so_far.or(asked),
    };
    terms.reach = match (terms.reach, asks.reach) {
        (Some(Reach::Node), _) | (_, Some(Reach::Node)) => Some(Reach::Node),
        (so_far, asked) => so_far.or(asked),
    };
    terms.priority = terms.priority.or(asks.priority);
    if let Some(note) = &asks.note {
        match terms.notes.iter_mut().find(|(name, _)| name == policy.name()) {
            Some((_, held)) => held.clone_from(note),
            None => terms.notes.push((policy.name().into(), note.clone())),
        }
    }
}
