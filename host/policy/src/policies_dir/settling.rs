//! When a change is acted on.
//!
//! A change is *seen* at one look, *settled* when the next look finds the same, and *ripe* when
//! nothing else in the directory still changes, or when it has waited long enough for that. So a
//! half-written file is not loaded, files that were dropped together go live together, and a file
//! that is written to for ever holds up no other.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::roster::Step;

/// The changes that were seen and not acted on.
pub(super) struct Settling {
    max_wait: Duration,
    waiting: BTreeMap<String, Waiting>,
}

struct Waiting {
    since: Instant,
    overdue: bool,
}

/// What one look at the directory comes to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ripe {
    /// To be done now.
    pub steps: Vec<Step>,
    /// Changes seen for the first time.
    pub fresh: Vec<Step>,
    /// Files that have just changed for longer than others wait for them.
    pub overdue: Vec<String>,
    /// Something still changes, and the wait for it goes on.
    pub waits: bool,
}

impl Settling {
    pub fn new(max_wait: Duration) -> Self {
        Self { max_wait, waiting: BTreeMap::new() }
    }

    /// Sorts the steps that a look at `now` asks for. `settled` says whether the look before found the file the same.
    pub fn sort(&mut self, now: Instant, steps: Vec<Step>, settled: impl Fn(&str) -> bool) -> Ripe {
        let mut ripe = Ripe::default();
        self.waiting.retain(|file, _| steps.iter().any(|step| step.file() == file));
        for step in &steps {
            self.waiting.entry(step.file().to_string()).or_insert_with(|| {
                ripe.fresh.push(step.clone());
                Waiting { since: now, overdue: false }
            });
        }
        let (settled, changing): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| settled(step.file()));
        let longest = self.waiting.values().map(|waiting| now - waiting.since).max().unwrap_or_default();
        ripe.waits = !changing.is_empty() && longest < self.max_wait;
        if !ripe.waits {
            ripe.steps = settled;
        }
        for step in changing {
            if let Some(waiting) = self.waiting.get_mut(step.file())
                && now - waiting.since >= self.max_wait
                && !std::mem::replace(&mut waiting.overdue, true)
            {
                ripe.overdue.push(step.file().to_string());
            }
        }
        ripe
    }

    /// The files that wait.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.waiting.keys().map(String::as_str)
    }

    /// The change was acted on.
    pub fn done(&mut self, file: &str) {
        self.waiting.remove(file);
    }

    /// The directory is lost, and with it what was about to settle.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn unload(file: &str) -> Step {
        Step::Unload { file: file.into() }
    }

    #[test]
    fn a_change_is_acted_on_only_when_two_looks_agree() {
        let now = Instant::now();
        let mut settling = Settling::new(5 * SECOND);
        let first = settling.sort(now, vec![unload("a")], |_| false);
        assert_eq!(first, Ripe { fresh: vec![unload("a")], waits: true, ..Ripe::default() });
        let second = settling.sort(now + SECOND, vec![unload("a")], |_| true);
        assert_eq!(second, Ripe { steps: vec![unload("a")], ..Ripe::default() });
    }

    #[test]
    fn what_has_settled_waits_for_what_has_not_so_that_both_go_together() {
        let now = Instant::now();
        let mut settling = Settling::new(5 * SECOND);
        let both = || vec![unload("a"), unload("b")];
        settling.sort(now, both(), |_| false);
        let ripe = settling.sort(now + SECOND, both(), |file| file == "a");
        assert!(ripe.steps.is_empty() && ripe.waits);
        assert_eq!(settling.sort(now + 2 * SECOND, both(), |_| true).steps, both());
    }

    #[test]
    fn a_file_that_never_stops_changing_holds_up_no_other_and_is_never_loaded() {
        let now = Instant::now();
        let mut settling = Settling::new(5 * SECOND);
        let both = || vec![unload("good"), unload("restless")];
        let good = |file: &str| file == "good";
        settling.sort(now, both(), good);
        assert!(settling.sort(now + 4 * SECOND, both(), good).waits);
        let ripe = settling.sort(now + 5 * SECOND, both(), good);
        assert_eq!((ripe.steps, ripe.overdue), (vec![unload("good")], vec!["restless".to_string()]));
        settling.done("good");
        let later = settling.sort(now + 100 * SECOND, vec![unload("restless")], good);
        assert_eq!(later, Ripe::default(), "said once, and not waited for");
        let newcomer = settling.sort(now + 101 * SECOND, both(), good);
        assert_eq!(newcomer.steps, [unload("good")], "a newcomer waits for its own settling alone");
    }

    #[test]
    fn a_change_that_is_taken_back_leaves_nothing_waiting() {
        let mut settling = Settling::new(SECOND);
        settling.sort(Instant::now(), vec![unload("a")], |_| false);
        assert_eq!(settling.sort(Instant::now(), Vec::new(), |_| true), Ripe::default());
        assert_eq!(settling.files().count(), 0);
    }
}
