//! What happens to the policy, and what it decides, in lines.

use std::{fmt::Write as _, time::Instant};

use reprise::Consultation;
use reprise_policy::{
    policies_dir::PolicyEvent,
    policy::{
        Answer, Asked, Failure,
        wit::types::{GetVerdict, NewVerdict, Priority, Reach, RemoveVerdict, Terms},
    },
};
use reprise_session::lock::Mutex;

use crate::cli::output;

/// Tells what becomes of a project's policy.
pub(super) struct Teller {
    policy: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<u64>,
    /// What was dropped in, and when its round began.
    expected: Option<(Instant, [u8; 32])>,
}

impl Teller {
    pub(super) fn new(policy: &str) -> Self {
        Self { policy: policy.into(), state: Mutex::default() }
    }

    /// The module with this hash is about to be dropped in.
    pub(super) fn expect(&self, begun: Instant, module: [u8; 32]) {
        self.state.lock().expected = Some((begun, module));
    }

    /// Which generation stays live.
    pub(super) fn stays(&self) -> String {
        match self.state.lock().live {
            Some(generation) => format!("{} stays live: generation {generation}", self.policy),
            None => format!("{} is not live yet", self.policy),
        }
    }

    /// Says what happened to a policy, if it matters to its author.
    pub(super) fn event(&self, event: &PolicyEvent) {
        match event {
            PolicyEvent::Live { name, generation, hash, .. } => {
                let mut took = String::new();
                if *name == self.policy {
                    let mut state = self.state.lock();
                    state.live = Some(*generation);
                    if let Some((begun, _)) = state.expected.take_if(|(_, module)| *module == hash.module) {
                        let _ = write!(took, ", {:.1} s after the save", begun.elapsed().as_secs_f64());
                    }
                }
                output::tell(format_args!("live: {name}, generation {generation}{took}"));
            }
            PolicyEvent::Rejected { file, reason, .. } => {
                output::tell(format_args!("rejected: {file}: {reason}"));
                output::tell(self.stays());
            }
            PolicyEvent::RolledBack { name, from, to, reason, .. } => {
                output::tell(format_args!("rolled back: {name}, from generation {from} to {to}: {reason}"));
            }
            PolicyEvent::Quarantined { name, generation, reason, .. } => {
                output::tell(format_args!("quarantined: {name}, generation {generation}: {reason}"));
            }
            PolicyEvent::Back { name, generation, .. } => {
                output::tell(format_args!("back: {name}, generation {generation}"))
            }
            PolicyEvent::Unloaded { name, generation, .. } => {
                output::tell(format_args!("unloaded: {name}, generation {generation}"))
            }
            _ => {}
        }
    }
}

/// Says what each policy said.
pub(super) fn consultation(event: &Consultation) {
    event.asked.iter().filter_map(|asked| line(event, asked)).for_each(output::tell);
}

/// One policy's part; none if it had none.
fn line(event: &Consultation, Asked { policy, generation, answer, took: _ }: &Asked) -> Option<String> {
    let verdict = match answer {
        Answer::NoOpinion => return None,
        Answer::New(NewVerdict::Refuse) => "refuse".into(),
        Answer::New(NewVerdict::Keep(terms)) => keep(terms),
        Answer::Get(GetVerdict::Resume) => "resume".into(),
        Answer::Get(GetVerdict::ResumeWithoutEarlyData) => "resume without early data".into(),
        Answer::Get(GetVerdict::FullHandshake) => "full handshake".into(),
        Answer::Remove(RemoveVerdict::HostDefault) => "host default".into(),
        Answer::Remove(RemoveVerdict::Forget) => "forget".into(),
        Answer::FailedObjecting(failure) => format!("failed, which objects: {}", why(*failure)),
        Answer::FailedAbstaining(failure) => format!("failed, which abstains: {}", why(*failure)),
    };
    let Consultation { callback, session, server_name, peer, .. } = event;
    let server_name = server_name.as_deref().unwrap_or("no server name");
    let peer = peer.as_ref().map(|peer| format!(" from {peer}")).unwrap_or_default();
    let callback = callback.as_str();
    Some(format!(
        "{policy}, generation {generation}: {callback} for {server_name}{peer}: {verdict} (session {session}…)"
    ))
}

/// `keep`, with what is asked for.
fn keep(terms: &Terms) -> String {
    let Terms { lifetime, single_use, reach, priority, note, attributes: _ } = terms;
    let asked = [
        lifetime.map(|seconds| format!("for {seconds} s")),
        single_use.map(|once| if once { "once" } else { "many times" }.into()),
        reach.map(|reach| match reach {
            Reach::Node => "on this node".into(),
            Reach::Fleet => "for the fleet".into(),
        }),
        priority.map(|priority| match priority {
            Priority::Low => "with low priority".into(),
            Priority::Normal => "with normal priority".into(),
            Priority::High => "with high priority".into(),
        }),
        note.as_ref().map(|note| format!("with a note of {} bytes", note.len())),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    if asked.is_empty() { "keep".into() } else { format!("keep {}", asked.join(", ")) }
}

fn why(failure: Failure) -> String {
    let hint = match failure {
        Failure::Trap => "it trapped; the log says where",
        Failure::Deadline => "it took longer than a handshake has for policies",
        Failure::InvalidVerdict => "its verdict breaks a limit of the interface",
        Failure::Quarantined => "it failed too often and is not called now",
        _ => return failure.as_str().into(),
    };
    format!("{} ({hint})", failure.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reprise_policy::policy::Callback;

    use super::*;

    const NOTHING: Terms =
        Terms { lifetime: None, single_use: None, reach: None, priority: None, note: None, attributes: Vec::new() };

    fn lines(answers: &[Answer]) -> Vec<String> {
        let asked = |answer: &Answer| Asked {
            policy: "calm".into(),
            generation: 3,
            answer: answer.clone(),
            took: Duration::ZERO,
        };
        let asked = answers.iter().map(asked).collect();
        let mut event = Consultation::bare(Callback::New);
        event.session = "0011223344556677".into();
        event.server_name = Some("a.example".into());
        event.peer = Some("192.0.2.1".into());
        event.asked = asked;
        event.asked.iter().filter_map(|asked| line(&event, asked)).collect()
    }

    #[test]
    fn a_line_has_policy_generation_callback_server_name_verdict_and_what_was_asked_for() {
        let terms = Terms { lifetime: Some(600), note: Some(b"192.0.2.1".to_vec()), ..NOTHING };
        assert_eq!(
            lines(&[Answer::New(NewVerdict::Keep(terms))]),
            ["calm, generation 3: new-session for a.example from 192.0.2.1: keep for 600 s, with a note of 9 bytes \
              (session 0011223344556677…)"]
        );
        assert!(lines(&[Answer::New(NewVerdict::Keep(NOTHING))])[0].contains(": keep ("));
    }

    #[test]
    fn a_failure_says_why_and_what_it_counts_as_and_no_opinion_says_nothing() {
        let lines = lines(&[Answer::FailedObjecting(Failure::Trap), Answer::NoOpinion]);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("failed, which objects: trap (it trapped"), "{lines:?}");
    }
}
