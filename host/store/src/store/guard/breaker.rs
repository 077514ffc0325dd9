//! When a store is not asked any more, and when again.
//!
//! *Closed*, every look-up goes to the store. Failures in a row are counted: look-ups that it could
//! not serve or did not answer in time; any answer starts the count anew, so that a store which
//! serves some is used for what it serves. A look-up counts only if it began after the failure
//! before it was noted: the thousand that waited through one slow moment are one failure. The
//! [`FAILURES`]th opens the breaker.
//!
//! *Open*, look-ups are misses at once. After a pause a single *probe* goes out, a look-up that no
//! handshake waits for; while it is under way look-ups are misses still, so that no herd runs into
//! a store that is just coming up. Answered in time, it closes the breaker. Otherwise the pause is
//! doubled, from [`PAUSE`] up to [`LONGEST_PAUSE`].
//!
//! A function of the state, the event and the time: it has no clock and no lock.

use std::time::{Duration, Instant};

/// A pattern, where one or two may be a connection that was lost: with the default deadline, at
/// least a tenth of a second in which nothing was answered, and five handshakes that waited for
/// nothing.
pub const FAILURES: u32 = 5;

/// Before the first probe: about what a restart takes.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Before later probes, at most: a store that is back is used again this soon.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// When a probe of which nothing was heard is lost: its thread did not survive a fork.
const LOST: Duration = Duration::from_secs(60);

/// Whether look-ups go to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They do.
    Closed {
        /// Failures in a row.
        failures: u32,
        /// When the last of them was noted.
        noted: Option<Instant>,
    },
    /// They do not, and a probe is due then.
    Open { probe_at: Instant, pause: Duration },
    /// They do not, and a probe is under way.
    Probing { since: Instant, pause: Duration },
}

/// What happens to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It answered a look-up.
    Answered,
    /// It failed in a look-up that began then.
    Failed { began: Instant },
    /// Time passes.
    Tick,
    /// It answered the probe in time.
    ProbeAnswered,
    /// It did not.
    ProbeFailed,
}

impl Default for State {
    fn default() -> Self {
        State::Closed { failures: 0, noted: None }
    }
}

impl State {
    /// Whether look-ups go to the store.
    pub fn is_closed(&self) -> bool {
        matches!(self, State::Closed { .. })
    }

    /// What becomes of it when `event` happens at `now`. That a probe is to be sent shows in the
    /// step from `Open` to `Probing`.
    #[must_use]
    pub fn next(self, event: Event, now: Instant) -> Self {
        match (self, event) {
            (State::Closed { .. }, Event::Answered) => State::default(),
            (State::Closed { noted: Some(noted), .. }, Event::Failed { began }) if began <= noted => self,
            (State::Closed { failures, .. }, Event::Failed { .. }) if failures + 1 < FAILURES => {
                State::Closed { failures: failures + 1, noted: Some(now) }
            }
            (State::Closed { .. }, Event::Failed { .. }) => State::Open { probe_at: now + PAUSE, pause: PAUSE },
            (State::Open { probe_at, pause }, Event::Tick) if probe_at <= now => State::Probing { since: now, pause },
            (State::Probing { .. }, Event::ProbeAnswered) => State::default(),
            (State::Probing { pause, .. }, Event::ProbeFailed) => again(pause, now),
            (State::Probing { since, pause }, Event::Tick) if since + LOST <= now => again(pause, now),
            // What began before it opened, and time that passes while nothing is due.
            (state, _) => state,
        }
    }
}

fn again(pause: Duration, now: Instant) -> State {
    let pause = (pause * 2).min(LONGEST_PAUSE);
    State::Open { probe_at: now + pause, pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// What `failures` look-ups come to, each of which begins after the one before failed.
    fn failed(start: Instant, failures: u32) -> State {
        (0..u64::from(failures)).fold(State::default(), |state, n| {
            state.next(Event::Failed { began: at(start, 10 * n + 1) }, at(start, 10 * n + 10))
        })
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_starts_the_count_anew() {
        let start = Instant::now();
        assert!(failed(start, FAILURES - 1).is_closed());
        assert!(!failed(start, FAILURES).is_closed());
        let answered = failed(start, FAILURES - 1).next(Event::Answered, start);
        assert_eq!(answered, State::default());
    }

    #[test]
    fn any_number_that_waited_through_one_slow_moment_is_one_failure() {
        let start = Instant::now();
        let state = (0..1_000).fold(State::default(), |state, n| {
            state.next(Event::Failed { began: at(start, n % 20) }, at(start, 20 + n))
        });
        assert_eq!(state, State::Closed { failures: 1, noted: Some(at(start, 20)) });
    }

    #[test]
    fn one_probe_goes_out_after_the_pause_and_its_answer_closes_it() {
        let start = Instant::now();
        let open = State::Open { probe_at: at(start, 1_000), pause: PAUSE };
        assert_eq!(open.next(Event::Tick, at(start, 999)), open);
        let probing = open.next(Event::Tick, at(start, 1_000));
        assert_eq!(probing, State::Probing { since: at(start, 1_000), pause: PAUSE });
        assert_eq!(probing.next(Event::Tick, at(start, 2_000)), probing, "one at a time");
        assert_eq!(probing.next(Event::ProbeAnswered, at(start, 2_000)), State::default());
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let start = Instant::now();
        let mut state = failed(start, FAILURES);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let State::Open { probe_at, pause } = state else { panic!("{state:?}") };
            pauses.push(pause.as_secs());
            state = state.next(Event::Tick, probe_at).next(Event::ProbeFailed, probe_at);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn what_began_before_it_opened_changes_nothing_any_more() {
        let start = Instant::now();
        for state in
            [State::Open { probe_at: at(start, 9), pause: PAUSE }, State::Probing { since: start, pause: PAUSE }]
        {
            assert_eq!(state.next(Event::Answered, start), state);
            assert_eq!(state.next(Event::Failed { began: start }, start), state);
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_does_not_keep_it_open_for_ever() {
        let start = Instant::now();
        let state = State::Probing { since: start, pause: PAUSE }.next(Event::Tick, start + LOST);
        assert!(matches!(state, State::Open { .. }));
    }
}
