//! The last hour: what was counted in each ten seconds, and what became of policies. It is bounded, and ends with the process.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use reprise::{
    advice::Advice,
    status::{Policy, Status},
};
use reprise_session::printable::line;
use serde::Serialize;

use super::SAMPLE;

/// Samples of an hour.
const SAMPLES: usize = 360;
/// Changes of policies that are remembered.
const CHANGES: usize = 64;
/// The most bytes of why.
const LONGEST: usize = 512;

#[derive(Default)]
pub(super) struct History {
    samples: VecDeque<Sample>,
    changes: VecDeque<Change>,
    advice: Vec<Advice>,
    /// When the last sample was taken, and what had been counted by then.
    last: Option<(Instant, Counts)>,
    /// How each policy was when it was looked at last.
    policies: BTreeMap<String, Standing>,
}

/// What was counted from the sample before to this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sample {
    /// When it was taken: seconds since the Unix epoch.
    time: u64,
    full: u64,
    resumed: u64,
    /// Sessions offered that did not resume, by reason; what there was none of is left out.
    misses: BTreeMap<String, u64>,
}

/// What became of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    time: u64,
    policy: String,
    /// Its state, `shadow` where it is live and decides nothing, or `gone`.
    state: String,
    generation: Option<u64>,
    why: Option<String>,
}

#[derive(Default)]
struct Counts {
    full: u64,
    resumed: u64,
    misses: BTreeMap<String, u64>,
}

/// As much of a policy as makes a change: state, generation, and when a content was last rejected.
#[derive(PartialEq, Eq)]
struct Standing(String, Option<u64>, Option<u64>);

impl History {
    /// Takes a sample, and advice with it, if it is time for one; changes are noted in any case.
    pub(super) fn note(&mut self, status: &Status, advice: impl FnOnce() -> Vec<Advice>) {
        self.compare(status);
        let now = Instant::now();
        if self.last.as_ref().is_some_and(|(then, _)| now.duration_since(*then) < SAMPLE) {
            return;
        }
        self.sample(status, now);
        self.advice = advice();
    }

    fn sample(&mut self, status: &Status, now: Instant) {
        let counts = Counts {
            full: status.handshakes.iter().map(|version| version.full).sum(),
            resumed: status.handshakes.iter().map(|version| version.resumed).sum(),
            misses: status.misses.clone(),
        };
        // The first one says only where the next begins: what was before it was not in ten seconds.
        if let Some((_, before)) = &self.last {
            let since =
                |reason: &String, times: u64| times - before.misses.get(reason).copied().unwrap_or(0).min(times);
            let misses = counts.misses.iter().map(|(reason, times)| (reason.clone(), since(reason, *times)));
            push(
                &mut self.samples,
                SAMPLES,
                Sample {
                    time: status.now,
                    full: counts.full.saturating_sub(before.full),
                    resumed: counts.resumed.saturating_sub(before.resumed),
                    misses: misses.filter(|(_, times)| *times > 0).collect(),
                },
            );
        }
        self.last = Some((now, counts));
    }

    fn compare(&mut self, status: &Status) {
        let mut policies = BTreeMap::new();
        for policy in &status.policies {
            let rejected = policy.last_rejection.as_ref().map(|rejection| rejection.at);
            let standing = Standing(state(policy).into(), policy.generation, rejected);
            let before = self.policies.get(&policy.name);
            if before.is_none_or(|before| before.2 != standing.2)
                && let Some(rejection) = &policy.last_rejection
            {
                let why = Some(line(&rejection.reason, LONGEST).into_owned());
                let (policy, state) = (policy.name.clone(), "rejected".into());
                push(&mut self.changes, CHANGES, Change { time: rejection.at, policy, state, generation: None, why });
            }
            if before.is_none_or(|before| (&before.0, before.1) != (&standing.0, standing.1))
                && standing.0 != "rejected"
            {
                let why = policy.reason.as_ref().map(|reason| line(reason, LONGEST).into_owned());
                let time = policy.since.unwrap_or(status.now);
                let (policy, state, generation) = (policy.name.clone(), standing.0.clone(), standing.1);
                push(&mut self.changes, CHANGES, Change { time, policy, state, generation, why });
            }
            policies.insert(policy.name.clone(), standing);
        }
        for (name, standing) in &self.policies {
            if !policies.contains_key(name) {
                let (policy, state, generation) = (name.clone(), "gone".into(), standing.1);
                push(&mut self.changes, CHANGES, Change { time: status.now, policy, state, generation, why: None });
            }
        }
        self.policies = policies;
    }

    pub(super) fn advice(&self) -> &[Advice] {
        &self.advice
    }

    pub(super) fn newest(&self, most: usize) -> Vec<&Sample> {
        self.samples.iter().skip(self.samples.len().saturating_sub(most)).collect()
    }

    pub(super) fn changes(&self) -> Vec<&Change> {
        self.changes.iter().collect()
    }
}

fn state(policy: &Policy) -> &str {
    match policy.state.as_str() {
        "live" if policy.mode == "shadow" => "shadow",
        state => state,
    }
}

fn push<T>(all: &mut VecDeque<T>, most: usize, one: T) {
    if all.len() == most {
        all.pop_front();
    }
    all.push_back(one);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reprise::Host;

    use super::*;

    fn status() -> Status {
        let mut status = Host::builder().build().unwrap().status();
        status.now = 1_000;
        status
    }

    /// Handshakes so far, of which so many were in full and missed.
    fn with(status: &mut Status, full: u64, resumed: u64) {
        (status.handshakes[0].full, status.handshakes[0].resumed) = (full, resumed);
        status.misses.insert("not-found".into(), full);
        status.now += 10;
    }

    #[test]
    fn a_sample_has_what_came_since_the_one_before() {
        let (mut history, mut status) = (History::default(), status());
        let start = Instant::now();
        with(&mut status, 100, 50);
        history.sample(&status, start);
        assert!(history.newest(9).is_empty(), "what was before it was not in ten seconds");
        with(&mut status, 103, 54);
        history.sample(&status, start + SAMPLE);
        with(&mut status, 103, 54);
        history.sample(&status, start + 2 * SAMPLE);
        let [first, second] = history.newest(9)[..] else { panic!("{:?}", history.samples) };
        assert_eq!((first.time, first.full, first.resumed, first.misses["not-found"]), (1_020, 3, 4, 3));
        assert_eq!((second.full, second.resumed, second.misses.len()), (0, 0, 0));
        assert_eq!(history.newest(1), [second]);
    }

    #[test]
    fn it_is_looked_at_more_often_than_samples_are_taken() {
        let (mut history, status) = (History::default(), status());
        let mut advised = 0;
        for _ in 0..3 {
            history.note(&status, || {
                advised += 1;
                Vec::new()
            });
        }
        assert_eq!(advised, 1);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let (mut history, mut status) = (History::default(), status());
        let start = Instant::now();
        for number in 0..500 {
            with(&mut status, number, 0);
            history.sample(&status, start + Duration::from_secs(10 * number));
        }
        assert_eq!(history.newest(usize::MAX).len(), 360);
        assert_eq!(history.newest(1)[0].time, 6_000);
        assert_eq!(360 * SAMPLE, Duration::from_secs(3_600));
    }

    /// A status with these policies: name, state, mode and generation.
    fn policies(all: &[(&str, &str, &str, u64)]) -> Status {
        let mut json = serde_json::to_value(status()).unwrap();
        json["policies"] = all
            .iter()
            .map(|(name, state, mode, generation)| {
                serde_json::json!({
                    "name": name, "file": "f.wasm", "mode": mode, "share": 100, "state": state, "since": 990,
                    "generation": generation, "calls": 0, "failures": {}, "instances": 0, "counters": {}, "rejections": 0,
                })
            })
            .collect();
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_becomes_of_a_policy_is_noted_once() {
        let mut history = History::default();
        for all in [
            &[("calm", "trial", "enforce", 1)][..],
            &[("calm", "trial", "enforce", 1)],
            &[("calm", "live", "enforce", 1), ("dim", "live", "shadow", 1)],
            &[("calm", "quarantined", "enforce", 2), ("dim", "live", "shadow", 1)],
            &[("calm", "quarantined", "enforce", 2)],
        ] {
            history.compare(&policies(all));
        }
        let changes: Vec<_> =
            history.changes().iter().map(|change| format!("{} {}", change.policy, change.state)).collect();
        assert_eq!(changes, ["calm trial", "calm live", "dim shadow", "calm quarantined", "dim gone"]);
        for generation in 0..200 {
            history.compare(&policies(&[("calm", "trial", "enforce", generation)]));
        }
        assert_eq!(history.changes().len(), CHANGES);
    }

    #[test]
    fn a_content_that_is_rejected_is_a_change_too() {
        let mut history = History::default();
        let mut status = policies(&[("calm", "live", "enforce", 1)]);
        history.compare(&status);
        let rejection = serde_json::json!({"at": 995, "file": "f.wasm", "reason": "x".repeat(10_000)});
        status.policies[0].last_rejection = serde_json::from_value(rejection).unwrap();
        history.compare(&status);
        history.compare(&status);
        let last = history.changes();
        assert_eq!((last.len(), &*last[1].state, last[1].time), (2, "rejected", 995));
        assert!(last[1].why.as_ref().unwrap().len() < 600);
    }
}
