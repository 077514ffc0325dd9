//! Asking a policy what its vectors ask, and comparing.

use std::{collections::BTreeMap, fmt::Write, path::Path, sync::Arc, time::Duration};

use reprise_session::hex::hex;

use super::{Call, Expected, ExpectedTerms, Kept, Note, Question, Suite, Vector};
use crate::{
    names::policy_name,
    policy::{
        Answer, Asked, Budget, Candidate, Chain, Failure, Manifest, Notes, Policy, Rejection, Runtime, Step,
        wit::types::{GetVerdict, NewVerdict, Priority, Reach, RemoveVerdict, Session, Terms},
    },
};

/// What a call may take. A vector says what a policy answers, not how soon: an interpreter on a
/// busy machine is no failure.
const AMPLE: Duration = Duration::from_secs(60);

/// The policy that is held against a suite.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its file, as shown in messages; its name gives the policy's.
    pub file: &'a Path,
    /// The module's bytes.
    pub module: &'a [u8],
    /// What its NAME.toml says. Its limits hold; its settings give way to each vector's.
    pub manifest: &'a Manifest,
}

/// What became of one vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The vector's name.
    pub vector: String,
    /// Where it differs: the call, what was expected and what was found. None if it passed.
    pub failure: Option<String>,
}

impl Suite {
    /// Runs every vector in its order. Each loads the policy anew, with its own settings and an
    /// empty state: where compiling takes long, let the runtime keep compiled code
    /// ([`RuntimeOptions::cache`](crate::policy::RuntimeOptions::cache)).
    pub fn run<'a>(&'a self, runtime: &'a Runtime, subject: Subject<'a>) -> impl Iterator<Item = Outcome> + 'a {
        self.vectors.iter().map(move |vector| {
            let failure = vector.run(runtime, subject).err();
            Outcome { vector: vector.name.clone(), failure }
        })
    }
}

impl Vector {
    fn run(&self, runtime: &Runtime, subject: Subject<'_>) -> Result<(), String> {
        let loaded = self.load(runtime, subject);
        match (&self.expected, loaded) {
            (Expected::Verdicts(calls), Ok(policy)) => ask(&policy, calls),
            (Expected::Verdicts(_), Err(rejection)) => Err(rejection.to_string()),
            (Expected::Rejected(message), Err(rejection)) if rejection.step == Step::Configure => {
                if rejection.found.contains(message) {
                    return Ok(());
                }
                Err(format!("expected settings to be rejected with \"{message}\"; found {}", rejection.found))
            }
            (Expected::Rejected(_), Err(rejection)) => Err(rejection.to_string()),
            (Expected::Rejected(message), Ok(_)) => {
                Err(format!("expected settings to be rejected with \"{message}\"; found that they are taken"))
            }
        }
    }

    fn load(&self, runtime: &Runtime, subject: Subject<'_>) -> Result<Arc<Policy>, Rejection> {
        let file = subject.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        // A name of the vector's own: what a policy remembers is kept under it.
        let name = format!("{}: {}", policy_name(&file), self.name);
        let mut manifest = subject.manifest.clone();
        manifest.settings.clone_from(&self.manifest.settings);
        (manifest.instances, manifest.budget) = (Some(1), None);
        let candidate =
            Candidate { file: subject.file, name: &name, generation: 1, module: subject.module, manifest: &manifest };
        runtime.load(candidate)
    }
}

fn ask(policy: &Arc<Policy>, calls: &[Call]) -> Result<(), String> {
    let chain = Chain::new(vec![Arc::clone(policy)]);
    let mut kept = None;
    for (call, number) in calls.iter().zip(1..) {
        let before = counters(policy);
        let found = call.question.differs(&chain, policy.name(), &mut kept);
        let after = counters(policy);
        let differs = found.and_then(|()| match &call.counts {
            Some(expected) => compare_counts(expected, &before, &after),
            None => Ok(()),
        });
        differs.map_err(|differs| format!("call {number} ({}): {differs}", call.question.callback().as_str()))?;
    }
    Ok(())
}

impl Question {
    /// Asks it, and says what differs from what is expected. `kept` is the note attached last.
    fn differs(&self, chain: &Chain, policy: &str, kept: &mut Option<Vec<u8>>) -> Result<(), String> {
        let mut budget = Budget::new(AMPLE);
        let shown = |note: &Note, session: &Session| {
            let note = match note {
                Note::Absent => None,
                Note::Bytes(bytes) => Some(bytes.clone()),
                Note::Kept => kept.clone(),
            };
            let notes: Notes = note.iter().map(|note| (policy.to_owned(), note.clone())).collect();
            (Session { note, ..session.clone() }, notes)
        };
        let (expected, asked) = match self {
            Question::New { connection, session, note, expected } => {
                let (session, notes) = shown(note, session);
                let (_, asked) = chain.decide_new(&mut budget, connection, &session, &notes);
                if let Some(Answer::New(NewVerdict::Keep(Terms { note: Some(note), .. }))) = answer(&asked) {
                    *kept = Some(note.clone());
                }
                let found = match answer(&asked) {
                    Some(Answer::New(verdict)) => Some(verdict.clone()),
                    Some(Answer::NoOpinion) => Some(NewVerdict::Keep(no_opinion())),
                    _ => None,
                };
                if found.is_some_and(|found| expected.is_met_by(&found)) {
                    return Ok(());
                }
                (expected.words(), asked)
            }
            Question::Get { connection, candidate, note, expected } => {
                let (candidate, notes) = shown(note, candidate);
                let (_, asked) = chain.decide_get(&mut budget, connection, &candidate, &notes);
                let found = match answer(&asked) {
                    Some(Answer::Get(verdict)) => Some(*verdict),
                    Some(Answer::NoOpinion) => Some(GetVerdict::Resume),
                    _ => None,
                };
                if found == Some(*expected) {
                    return Ok(());
                }
                (get_words(*expected).into(), asked)
            }
            Question::Remove { id, session, why, expected } => {
                let shown = session.as_ref().map(|(session, note)| shown(note, session));
                let facts = shown.as_ref().map(|(session, notes)| (session, notes));
                let (_, asked) = chain.decide_remove(&mut budget, id, facts, *why);
                let found = match answer(&asked) {
                    Some(Answer::Remove(verdict)) => Some(*verdict),
                    Some(Answer::NoOpinion) => Some(RemoveVerdict::HostDefault),
                    _ => None,
                };
                if found == Some(*expected) {
                    return Ok(());
                }
                (remove_words(*expected).into(), asked)
            }
        };
        Err(format!("expected {expected}; found {}", answer(&asked).map_or("no answer".into(), answer_words)))
    }
}

fn answer(asked: &[Asked]) -> Option<&Answer> {
    asked.first().map(|asked| &asked.answer)
}

fn no_opinion() -> Terms {
    Terms { lifetime: None, single_use: None, reach: None, priority: None, note: None, attributes: Vec::new() }
}

impl Kept {
    fn is_met_by(&self, found: &NewVerdict) -> bool {
        match (self, found) {
            (Kept::Refused, NewVerdict::Refuse) => true,
            (Kept::On(expected), NewVerdict::Keep(found)) => expected.are_met_by(found),
            _ => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Kept::Refused => "refuse".into(),
            Kept::On(expected) => terms_words(&expected.terms, expected.any_note),
        }
    }
}

impl ExpectedTerms {
    fn are_met_by(&self, found: &Terms) -> bool {
        if self.any_note {
            return found.note.is_some() && Terms { note: None, ..found.clone() } == self.terms;
        }
        *found == self.terms
    }
}

/// By name, those that were counted at all.
fn counters(policy: &Policy) -> BTreeMap<String, u64> {
    policy.counters().into_iter().collect()
}

fn compare_counts(
    expected: &[(String, u64)],
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> Result<(), String> {
    let counted = |(name, sum): (&String, &u64)| {
        let by = sum - before.get(name).copied().unwrap_or(0);
        (by > 0).then(|| (name.clone(), by))
    };
    let found: Vec<(String, u64)> = after.iter().filter_map(counted).collect();
    let words = |counts: &[(String, u64)]| match counts {
        [] => "nothing".to_owned(),
        counts => counts.iter().map(|(name, by)| format!("{name} {by}")).collect::<Vec<_>>().join(", "),
    };
    if found == expected {
        return Ok(());
    }
    Err(format!("expected it to count {}; found {}", words(expected), words(&found)))
}

fn answer_words(answer: &Answer) -> String {
    match answer {
        Answer::New(NewVerdict::Refuse) => "refuse".into(),
        Answer::New(NewVerdict::Keep(terms)) => terms_words(terms, false),
        Answer::Get(verdict) => get_words(*verdict).into(),
        Answer::Remove(verdict) => remove_words(*verdict).into(),
        Answer::NoOpinion => "no opinion, for the policy does not export it".into(),
        Answer::FailedObjecting(failure) | Answer::FailedAbstaining(failure) => failure_words(*failure),
    }
}

fn failure_words(failure: Failure) -> String {
    let hint = match failure {
        Failure::Trap => "the log says where it trapped",
        Failure::Deadline => "it did not return in a minute",
        _ => "the log says more",
    };
    format!("a failed call ({}): {hint}", failure.as_str())
}

fn terms_words(terms: &Terms, any_note: bool) -> String {
    let mut words = String::new();
    let mut term = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(words, "{} {name} {value}", if words.is_empty() { " with" } else { "," });
        }
    };
    term("lifetime", terms.lifetime.map(|seconds| seconds.to_string()));
    term("single-use", terms.single_use.map(|single| single.to_string()));
    let reach = |reach| match reach {
        Reach::Node => "node",
        Reach::Fleet => "fleet",
    };
    let priority = |priority| match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    };
    term("reach", terms.reach.map(|asked| reach(asked).into()));
    term("priority", terms.priority.map(|asked| priority(asked).into()));
    term("note", if any_note { Some("of any bytes".into()) } else { terms.note.as_deref().map(hex) });
    term("attributes", (!terms.attributes.is_empty()).then(|| format!("{:?}", terms.attributes)));
    format!("keep{words}")
}

fn get_words(verdict: GetVerdict) -> &'static str {
    match verdict {
        GetVerdict::Resume => "resume",
        GetVerdict::ResumeWithoutEarlyData => "resume-without-early-data",
        GetVerdict::FullHandshake => "full-handshake",
    }
}

fn remove_words(verdict: RemoveVerdict) -> &'static str {
    match verdict {
        RemoveVerdict::HostDefault => "host-default",
        RemoveVerdict::Forget => "forget",
    }
}
