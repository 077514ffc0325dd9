//! Several policies, one decision.

use std::{sync::Arc, time::Duration};

use reprise_session::session::SessionId;

use super::{
    Answer, Asked, Budget, Failure, GetDecision, Mode, NewDecision, Notes, Objection, Policy, Terms,
    facts::{Facts, SessionFacts},
    shadow::Decided,
    wit::types::{Connection, GetVerdict, NewVerdict, Reach, Removal, RemoveVerdict, Session, Terms as Asks},
};

/// Bytes of one policy's note.
pub(super) const MAX_NOTE: usize = 1_024;

/// The policies in force, in file-name order. A handshake takes one snapshot and is decided by it from start to end.
///
/// Every policy is asked, even after an objection, and each can only narrow what the others leave.
/// Policies in shadow mode are asked later, elsewhere, and narrow nothing.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    policies: Vec<Arc<Policy>>,
    shadows: Vec<Arc<Policy>>,
    missing: Vec<Arc<str>>,
}

impl Chain {
    /// A chain of these policies, asked in this order.
    pub fn new(policies: Vec<Arc<Policy>>) -> Self {
        let (shadows, policies) = policies.into_iter().partition(|policy| policy.mode() == Mode::Shadow);
        Self { policies, shadows, missing: Vec::new() }
    }

    /// The chain with these policies missing: they should be in force and could not be loaded, so
    /// each counts as objecting to every session ([`Failure::NotLoaded`]).
    pub fn with_missing(mut self, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.missing.extend(names);
        self
    }

    /// The policies that decide, in the order in which they are asked.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The policies that should be in force and could not be loaded.
    pub fn missing(&self) -> &[Arc<str>] {
        &self.missing
    }

    /// The policies in shadow mode.
    pub fn shadows(&self) -> &[Arc<Policy>] {
        &self.shadows
    }

    /// Whether any policy asks for the attribute `name`. One that nobody asks for need not be gathered: facts without
    /// attributes go into the sandbox as they are, others are copied for the policies that did not ask.
    pub fn asks_for(&self, name: &str) -> bool {
        let mut all = self.policies.iter().chain(&self.shadows);
        all.any(|policy| policy.attributes().iter().any(|asked| asked == name))
    }

    /// Whether any policy says what becomes of sessions that were given up.
    pub fn decides_removals(&self) -> bool {
        self.policies.iter().chain(&self.shadows).any(|policy| policy.decides_removals())
    }

    /// Asks every policy whether `session` is kept, and with what terms: the shortest lifetime,
    /// single-use if any says so, the nearer reach, the first priority. `notes` are those of the
    /// session that was resumed; a policy's new one replaces its own, the others stay.
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
        let (mut facts, mut session_facts) = (Facts::new(connection), SessionFacts::new(session, notes));
        let (objection, asked) = self.ask(budget, |policy, budget| {
            let Some(verdict) = policy.new_session(budget, &mut facts, &mut session_facts)? else { return Ok(None) };
            let refused = refuses_new(&verdict);
            if let NewVerdict::Keep(asks) = &verdict
                && !refused
            {
                narrow(&mut terms, policy, asks);
            }
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
        let (mut facts, mut candidate_facts) = (Facts::new(connection), SessionFacts::new(candidate, notes));
        let (objection, asked) = self.ask(budget, |policy, budget| {
            let verdict = policy.get_session(budget, &mut facts, &mut candidate_facts)?;
            early_data &= verdict != Some(GetVerdict::ResumeWithoutEarlyData);
            Ok(verdict.map(|verdict| (Answer::Get(verdict), refuses_get(verdict))))
        });
        (objection.map_or(GetDecision::Resume { early_data }, GetDecision::FullHandshake), asked)
    }

    /// Asks every policy what happens to a session that was given up; `session` is none where the
    /// store no longer has it. One `forget` is enough.
    ///
    /// A failed call counts as `host-default`: there is nobody to protect by forgetting, and a
    /// stranger must not be able to make sessions go away by making a policy fail.
    pub fn decide_remove(
        &self,
        budget: &mut Budget,
        id: &SessionId,
        session: Option<(&Session, &Notes)>,
        why: Removal,
    ) -> (RemoveVerdict, Vec<Asked>) {
        let mut verdict = RemoveVerdict::HostDefault;
        let mut facts = session.map(|(session, notes)| SessionFacts::new(session, notes));
        let (_, asked) = self.ask(budget, |policy, budget| {
            let answer = policy.remove_session(budget, id, facts.as_mut(), why)?;
            if answer == Some(RemoveVerdict::Forget) {
                verdict = RemoveVerdict::Forget;
            }
            Ok(answer.map(|verdict| (Answer::Remove(verdict), forgets(verdict))))
        });
        (verdict, asked)
    }

    /// Whether a policy in shadow mode is to be asked about decisions that are made ([`Chain::compare`]).
    pub fn compares(&self) -> bool {
        self.shadows.iter().any(|policy| !policy.breaker().is_open())
    }

    /// Has the policies in shadow mode asked about a decision that was made. Waits for nobody.
    pub fn compare(&self, decided: &Arc<Decided>) {
        let Some(first) = self.shadows.first() else { return };
        let awake: Vec<_> = self.shadows.iter().filter(|policy| !policy.breaker().is_open()).cloned().collect();
        if !awake.is_empty() {
            first.shadow().compare(awake, Arc::clone(decided));
        }
    }

    /// Asks each policy; `one` gives its answer and whether that is an objection, or none where it
    /// has no opinion. The first objection, if any, and everybody's part.
    fn ask(
        &self,
        budget: &mut Budget,
        mut one: impl FnMut(&Policy, &mut Budget) -> Result<Option<(Answer, bool)>, Failure>,
    ) -> (Option<Objection>, Vec<Asked>) {
        let mut objection = None;
        let mut asked = Vec::with_capacity(self.policies.len());
        for policy in &self.policies {
            let before = budget.remaining();
            let (answer, objects, failure) = match one(policy, budget) {
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
            asked.push(Asked { policy: name, generation, answer, took: before.saturating_sub(budget.remaining()) });
        }
        for name in &self.missing {
            let failure = Failure::NotLoaded;
            objection.get_or_insert_with(|| Objection { policy: Arc::clone(name), failure: Some(failure) });
            let answer = Answer::FailedObjecting(failure);
            asked.push(Asked { policy: Arc::clone(name), generation: 0, answer, took: Duration::ZERO });
        }
        (objection, asked)
    }
}

pub(super) fn refuses_new(verdict: &NewVerdict) -> bool {
    matches!(verdict, NewVerdict::Keep(Asks { lifetime: Some(0), .. }) | NewVerdict::Refuse)
}

pub(super) fn refuses_get(verdict: GetVerdict) -> bool {
    verdict == GetVerdict::FullHandshake
}

pub(super) fn forgets(verdict: RemoveVerdict) -> bool {
    verdict == RemoveVerdict::Forget
}

/// Whether a verdict keeps the limits that its type does not have.
pub(super) fn is_valid(verdict: &NewVerdict) -> bool {
    match verdict {
        NewVerdict::Keep(Asks { note: Some(note), .. }) => note.len() <= MAX_NOTE,
        NewVerdict::Keep(_) | NewVerdict::Refuse => true,
    }
}

/// Adds what one more policy asks for. Its attributes are left out: this host knows none in terms,
/// and ignores the unknown.
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
