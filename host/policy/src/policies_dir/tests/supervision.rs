//! What becomes of policies that misbehave, moment by moment, on a clock that the tests set.

use std::time::{Instant, SystemTime};

use super::*;
use crate::policies_dir::{
    rounds::{Next, Rounds, Shared},
    tests::Record,
};

/// A directory whose looks and whose clock are the test's.
pub(super) struct Driven {
    pub rounds: Rounds<Record>,
    pub record: Record,
    pub now: Instant,
    root: TempDir,
    events: Receiver<PolicyEvent>,
}

impl Driven {
    pub fn start(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (record, shared) = (Record::default(), Arc::new(Shared::default()));
        let (sender, events) = channel();
        shared.subscribers.lock().push(sender);
        let rounds = Rounds::new(root.path().into(), record.clone(), DirOptions::default(), shared);
        let mut driven = Self { rounds, record, now: Instant::now(), root, events };
        files.iter().for_each(|(file, content)| driven.write(file, content));
        driven.look();
        driven
    }

    /// One policy, `a`, that has proven itself, and the generation after it, that has not.
    pub fn young() -> Self {
        let mut driven = Self::start(&[("a.wasm", "good 1")]);
        driven.after(60);
        driven.drop_in("a.wasm", "good 2");
        driven.events();
        driven
    }

    /// The same, later: both have proven themselves.
    pub fn grown() -> Self {
        let mut driven = Self::young();
        driven.after(60);
        driven.events();
        driven
    }

    pub fn write(&self, file: &str, content: &str) {
        fs::write(self.root.path().join(file), content).unwrap();
    }

    /// Looks until everything has settled.
    pub fn look(&mut self) {
        while self.rounds.round(self.now, true) == Next::Settle {}
    }

    pub fn drop_in(&mut self, file: &str, content: &str) {
        self.write(file, content);
        self.look();
    }

    /// So many seconds go by.
    pub fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.rounds.attend(self.now);
    }

    /// Every policy in force with this content misbehaves.
    pub fn misbehave(&mut self, content: &str) {
        let in_force = self.record.0.lock().policies.clone();
        let found: Vec<_> = in_force.iter().filter(|policy| policy.content == content).collect();
        assert!(!found.is_empty(), "{content} is not in force");
        found.iter().for_each(|policy| policy.misbehave());
        self.rounds.attend(self.now);
    }

    /// What stands for each policy in the chain.
    pub fn chain(&self) -> Vec<String> {
        self.record.0.lock().policies.iter().map(|policy| policy.content.clone()).collect()
    }

    /// What happened, draining aside.
    pub fn events(&self) -> Vec<PolicyEvent> {
        let drains = |event: &PolicyEvent| matches!(event, PolicyEvent::Draining { .. } | PolicyEvent::Gone { .. });
        self.events.try_iter().filter(|event| !drains(event)).collect()
    }

    pub fn report(&self) -> PolicyReport {
        self.rounds.shared.reports(self.now).swap_remove(0)
    }
}

const REASON: &str = "as the test asks for";

fn rolled_back(from: u64, to: u64) -> PolicyEvent {
    PolicyEvent::RolledBack { file: "a.wasm".into(), name: "a".into(), from, to, reason: REASON.into() }
}

fn quarantined(generation: u64, answering: Option<u64>, retry_in: u64) -> PolicyEvent {
    let (file, name, reason) = ("a.wasm".into(), "a".into(), REASON.into());
    let retry_in = Some(Duration::from_secs(retry_in));
    PolicyEvent::Quarantined { file, name, generation, reason, answering, retry_in }
}

fn back(generation: u64) -> PolicyEvent {
    PolicyEvent::Back { file: "a.wasm".into(), name: "a".into(), generation }
}

fn proven(generation: u64) -> PolicyEvent {
    PolicyEvent::Proven { file: "a.wasm".into(), name: "a".into(), generation }
}

#[test]
fn a_new_generation_that_misbehaves_within_its_trial_is_rolled_back_for_good() {
    let mut driven = Driven::young();
    driven.after(59);
    driven.misbehave("good 2");
    assert_eq!(driven.events(), [rolled_back(2, 1)]);
    assert_eq!(driven.chain(), ["good 1"]);
    let PolicyReport { state, generation, answering, former, rejected, .. } = driven.report();
    assert_eq!((state, generation, answering, former), (PolicyState::Live, 1, Some(1), None));
    assert!(rejected.is_some_and(|reason| reason.contains("generation 2") && reason.contains(REASON)));
    driven.after(100_000);
    driven.look();
    assert_eq!(driven.events(), [], "the content is the same");
    driven.drop_in("a.wasm", "good 3");
    assert_eq!((driven.chain(), driven.report().generation), (vec!["good 3".to_string()], 3));
}

#[test]
fn the_generation_that_was_left_drains_and_the_one_before_is_warm_before_it_answers() {
    let mut driven = Driven::young();
    let swaps = driven.record.0.lock().chains.len();
    driven.misbehave("good 2");
    let record = driven.record.0.lock();
    assert_eq!(record.taken_back, ["good 1"]);
    assert_eq!((record.retired, record.chains.len()), (2, swaps + 1), "generation 1, then 2; one swap");
}

#[test]
fn a_rolled_back_content_is_not_tried_again_when_it_is_touched_or_the_one_before_is_put_back() {
    let mut driven = Driven::young();
    driven.misbehave("good 2");
    driven.write("a.wasm", "good 2");
    let file = fs::File::options().write(true).open(driven.root.path().join("a.wasm")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    driven.look();
    assert_eq!(driven.chain(), ["good 1"]);
    driven.drop_in("a.wasm", "good 1");
    assert_eq!(driven.events(), [rolled_back(2, 1)], "what is in the file is live");
    assert_eq!(driven.report().rejected, None);
}

#[test]
fn deleting_the_module_of_a_rolled_back_policy_unloads_it() {
    let mut driven = Driven::young();
    driven.misbehave("good 2");
    fs::remove_file(driven.root.path().join("a.wasm")).unwrap();
    driven.look();
    assert_eq!(driven.chain(), [""; 0]);
    assert!(matches!(driven.events().last(), Some(PolicyEvent::Unloaded { generation: 1, .. })));
}

#[test]
fn a_first_generation_that_misbehaves_is_quarantined_and_nothing_answers_in_its_place() {
    let mut driven = Driven::start(&[("a.wasm", "good 1")]);
    driven.events();
    driven.misbehave("good 1");
    assert_eq!(driven.events(), [quarantined(1, None, 10)]);
    assert_eq!(driven.chain(), ["good 1"], "in the chain it counts as failing");
    let PolicyReport { state, answering, .. } = driven.report();
    let retry_in = Some(Duration::from_secs(10));
    assert_eq!((state, answering), (PolicyState::Quarantined { reason: REASON.into(), retry_in }, None));
}

#[test]
fn what_was_quarantined_comes_back_and_the_wait_grows_until_a_trial_went_well() {
    let mut driven = Driven::start(&[("a.wasm", "good 1")]);
    driven.events();
    for pause in [10, 20, 40] {
        driven.misbehave("good 1");
        assert_eq!(driven.events(), [quarantined(1, None, pause)]);
        driven.after(pause - 1);
        assert_eq!(driven.events(), []);
        driven.after(1);
        assert_eq!(driven.events(), [back(1)]);
        driven.after(59);
    }
    driven.after(1);
    assert_eq!(driven.events(), [proven(1)]);
    driven.misbehave("good 1");
    assert_eq!(driven.events(), [quarantined(1, None, 10)]);
}

#[test]
fn what_does_not_start_when_it_is_tried_stays_quarantined_and_waits_longer() {
    let mut driven = Driven::start(&[("a.wasm", "good 1")]);
    let policy = driven.record.0.lock().policies[0].clone();
    policy.does_not_start.store(true, Relaxed);
    driven.misbehave("good 1");
    driven.events();
    driven.after(10);
    let events = driven.events();
    let [PolicyEvent::Quarantined { reason, retry_in, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((reason.as_str(), *retry_in), ("does not start", Some(Duration::from_secs(20))));
    policy.does_not_start.store(false, Relaxed);
    driven.after(20);
    assert_eq!(driven.events(), [back(1)]);
}

#[test]
fn the_last_good_generation_answers_while_a_live_one_is_quarantined_and_is_kept_after_it() {
    let mut driven = Driven::grown();
    driven.misbehave("good 2");
    assert_eq!(driven.events(), [quarantined(2, Some(1), 10)]);
    assert_eq!((driven.chain(), driven.report().answering), (vec!["good 1".to_string()], Some(1)));
    driven.after(10);
    assert_eq!(driven.events(), [back(2)]);
    assert_eq!(driven.chain(), ["good 2"]);
    assert_eq!(driven.report().former.map(|former| former.generation), Some(1));
    driven.misbehave("good 2");
    assert_eq!(driven.events(), [quarantined(2, Some(1), 20)], "not rolled back: it was proven once");
}

#[test]
fn a_stand_in_that_misbehaves_is_given_up_and_what_is_quarantined_is_still_tried() {
    let mut driven = Driven::grown();
    driven.misbehave("good 2");
    driven.events();
    driven.misbehave("good 1");
    let (file, name, reason) = ("a.wasm".into(), "a".into(), REASON.into());
    assert_eq!(driven.events(), [PolicyEvent::StandInFailed { file, name, generation: 1, reason }]);
    assert_eq!((driven.chain(), driven.report().answering), (vec!["good 2".to_string()], None));
    assert_eq!(driven.report().former, None);
    driven.after(10);
    assert_eq!(driven.events(), [back(2)]);
}

#[test]
fn a_generation_before_that_does_not_start_any_more_does_not_stand_in() {
    let mut driven = Driven::start(&[("a.wasm", "good 1")]);
    driven.record.0.lock().policies[0].does_not_start.store(true, Relaxed);
    driven.after(60);
    driven.drop_in("a.wasm", "good 2");
    driven.events();
    driven.misbehave("good 2");
    assert_eq!(driven.events(), [quarantined(2, None, 10)]);
    assert_eq!(driven.chain(), ["good 2"]);
}

#[test]
fn what_was_in_shadow_mode_does_not_stand_in_for_what_decides() {
    let mut driven = Driven::start(&[("a.wasm", "good shadow")]);
    driven.after(60);
    driven.drop_in("a.wasm", "good 2");
    driven.events();
    driven.misbehave("good 2");
    assert_eq!(driven.events(), [quarantined(2, None, 10)]);
}

#[test]
fn a_good_file_replaces_a_quarantined_policy_at_once_and_a_changed_toml_does_too() {
    for (file, content) in [("a.wasm", "good 3"), ("a.toml", "x = 1")] {
        let mut driven = Driven::grown();
        driven.misbehave("good 2");
        driven.drop_in(file, content);
        let PolicyReport { state, generation, answering, former, .. } = driven.report();
        assert_eq!((state, generation, answering), (PolicyState::Trial, 3, Some(3)), "{file}");
        assert_eq!(former.map(|former| former.generation), Some(1), "{file}: of what is kept it is the last good one");
        driven.after(10);
        assert!(!driven.events().contains(&back(2)), "{file}: what was replaced is not tried again");
    }
}

#[test]
fn a_bad_file_leaves_a_quarantined_policy_quarantined_and_it_is_still_tried() {
    let mut driven = Driven::grown();
    driven.misbehave("good 2");
    driven.events();
    driven.drop_in("a.wasm", "broken");
    assert!(matches!(driven.events()[..], [PolicyEvent::Seen { .. }, PolicyEvent::Rejected { keeping: Some(2), .. }]));
    let PolicyReport { state, answering, rejected, .. } = driven.report();
    assert!(matches!(state, PolicyState::Quarantined { .. }) && answering == Some(1) && rejected.is_some());
    driven.after(10);
    assert_eq!((driven.events(), driven.chain()), (vec![back(2)], vec!["good 2".to_string()]));
}

#[test]
fn two_policies_that_misbehave_at_once_are_each_dealt_with_in_one_swap() {
    let mut driven = Driven::start(&[("a.wasm", "good 1"), ("b.wasm", "good b")]);
    driven.after(60);
    driven.drop_in("a.wasm", "good 2");
    let chains = driven.record.0.lock().chains.len();
    for policy in &driven.record.0.lock().policies {
        policy.misbehave();
    }
    driven.events();
    driven.after(1);
    let events = driven.events();
    assert!(
        matches!(&events[..], [
        PolicyEvent::RolledBack { name: a, .. },
        PolicyEvent::Quarantined { name: b, answering: None, .. }
    ] if a == "a" && b == "b"),
        "{events:?}"
    );
    assert_eq!(driven.chain(), ["good 1", "good b"]);
    assert_eq!(driven.record.0.lock().chains.len(), chains + 1);
}
