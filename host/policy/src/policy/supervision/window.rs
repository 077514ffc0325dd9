//! The failures that count.

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use super::SupervisionOptions;

/// The window moves in steps of this fraction of it: a failure counts for the whole window, and up to a step more.
const STEPS: u32 = 10;

/// Failures and calls within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Calls that trapped or gave no valid verdict, and instances that the policy failed to start.
    pub faults: u64,
    /// Calls that ran past their deadline by the policy's own doing.
    pub overruns: u64,
    /// Calls, without those that failed through no fault of the policy's.
    pub calls: u64,
}

/// Why a policy is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Too many faults.
    Faults {
        /// How many there were.
        faults: u64,
        /// Within this time.
        window: Duration,
    },
    /// Too many overruns, and too large a part of all calls.
    Overruns {
        /// How many there were.
        overruns: u64,
        /// Of so many calls.
        calls: u64,
        /// Within this time.
        window: Duration,
    },
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults { faults, window } => {
                write!(f, "{faults} traps, invalid verdicts or failed starts within {window:?}")
            }
            Self::Overruns { overruns, calls, window } => {
                write!(f, "{overruns} of {calls} calls ran past their deadline within {window:?}")
            }
        }
    }
}

/// Counts over a time that moves on. The clock is the caller's.
#[derive(Debug)]
pub(super) struct Window {
    /// Everything so far; `calls` excused ones included.
    total: WindowCounts,
    excused: u64,
    /// What everything was at some moments, the oldest first: the last one at or before the
    /// window's beginning, and those since.
    marks: VecDeque<(Instant, WindowCounts)>,
}

impl Window {
    /// A window that begins at `now`, after `calls` calls.
    pub(super) fn new(now: Instant, calls: u64) -> Self {
        let total = WindowCounts { calls, ..WindowCounts::default() };
        Self { total, excused: 0, marks: VecDeque::from([(now, total)]) }
    }

    /// A fault of the policy's; it has been called `calls` times in all.
    pub(super) fn fault(&mut self, now: Instant, calls: u64, options: &SupervisionOptions) {
        self.mark(now, calls, options);
        self.total.faults += 1;
    }

    /// A call ran past its deadline.
    pub(super) fn overrun(&mut self, now: Instant, calls: u64, options: &SupervisionOptions) {
        self.mark(now, calls, options);
        self.total.overruns += 1;
    }

    /// A call failed through no fault of the policy's.
    pub(super) fn excuse(&mut self) {
        self.excused += 1;
    }

    /// Moves the window on. To be called now and then, so that calls are counted where nothing fails.
    pub(super) fn mark(&mut self, now: Instant, calls: u64, options: &SupervisionOptions) {
        self.total.calls = self.total.calls.max(calls.saturating_sub(self.excused));
        if self.marks.back().is_none_or(|(last, _)| now.duration_since(*last) >= options.window / STEPS) {
            // Threads race for the window with the time they took before: the marks stay in order.
            self.marks.push_back((now, self.total));
        }
        while self.marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= options.window) {
            self.marks.pop_front();
        }
    }

    /// What counts.
    pub(super) fn counts(&self) -> WindowCounts {
        let base = self.marks.front().map(|(_, base)| *base).unwrap_or_default();
        WindowCounts {
            faults: self.total.faults - base.faults,
            overruns: self.total.overruns - base.overruns,
            calls: self.total.calls - base.calls,
        }
    }

    /// Whether what counts is misbehaviour.
    pub(super) fn misbehaviour(&self, options: &SupervisionOptions) -> Option<Misbehaviour> {
        let WindowCounts { faults, overruns, calls } = self.counts();
        let (most, window) = (u64::from(options.failures), options.window);
        if faults >= most {
            return Some(Misbehaviour::Faults { faults, window });
        }
        let many = overruns * 100 >= calls * u64::from(options.deadline_percent);
        (overruns >= most && many).then_some(Misbehaviour::Overruns { overruns, calls, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn options() -> SupervisionOptions {
        SupervisionOptions { failures: 3, window: 30 * SECOND, deadline_percent: 10, ..SupervisionOptions::default() }
    }

    #[test]
    fn faults_within_the_window_are_misbehaviour_however_many_calls_go_well() {
        let (start, options) = (Instant::now(), options());
        let mut window = Window::new(start, 1_000);
        for (after, calls) in [(0, 1_001), (10, 500_000)] {
            window.fault(start + after * SECOND, calls, &options);
            assert_eq!(window.misbehaviour(&options), None);
        }
        window.fault(start + 29 * SECOND, 1_000_000, &options);
        let faults = Misbehaviour::Faults { faults: 3, window: 30 * SECOND };
        assert_eq!(window.misbehaviour(&options), Some(faults));
    }

    #[test]
    fn a_fault_stops_counting_when_the_window_has_moved_past_it() {
        let (start, options) = (Instant::now(), options());
        let mut window = Window::new(start, 0);
        for after in 0..200 {
            window.mark(start + after * SECOND, 10 * u64::from(after), &options);
            if after % 17 == 0 {
                window.fault(start + after * SECOND, 10 * u64::from(after), &options);
            }
            assert_eq!(window.misbehaviour(&options), None, "after {after} s");
        }
        assert_eq!(window.counts().faults, 2);
        for after in 200..300 {
            window.mark(start + after * SECOND, 10 * u64::from(after), &options);
        }
        let WindowCounts { faults, overruns, calls } = window.counts();
        assert!(faults == 0 && overruns == 0 && (300..=330).contains(&calls), "{calls}");
    }

    #[test]
    fn overruns_count_only_as_a_part_of_the_calls_made() {
        let (start, options) = (Instant::now(), options());
        let mut busy = Window::new(start, 0);
        // A stall: as many overruns as there are instances, all at once, on a policy that is called often.
        busy.mark(start + 20 * SECOND, 10_000, &options);
        (0..8).for_each(|_| busy.overrun(start + 20 * SECOND, 10_008, &options));
        assert_eq!(busy.misbehaviour(&options), None);
        let mut slow = Window::new(start, 0);
        (0..2).for_each(|_| slow.overrun(start + SECOND, 20, &options));
        assert_eq!(slow.misbehaviour(&options), None, "two are no pattern");
        slow.overrun(start + 2 * SECOND, 30, &options);
        let overruns = Misbehaviour::Overruns { overruns: 3, calls: 30, window: 30 * SECOND };
        assert_eq!(slow.misbehaviour(&options), Some(overruns));
        let mut rare = Window::new(start, 0);
        (0..3).for_each(|_| rare.overrun(start + SECOND, 31, &options));
        assert_eq!(rare.misbehaviour(&options), None, "3 of 31 are less than a tenth");
    }

    #[test]
    fn calls_that_failed_through_no_fault_of_the_policys_are_no_calls() {
        let (start, options) = (Instant::now(), options());
        let mut window = Window::new(start, 0);
        // Three calls loop, and a hundred find no instance because of that.
        (0..100).for_each(|_| window.excuse());
        assert_eq!(window.misbehaviour(&options), None);
        (0..3).for_each(|_| window.overrun(start + SECOND, 103, &options));
        assert_eq!(window.counts().calls, 3);
        assert!(window.misbehaviour(&options).is_some());
    }
}
