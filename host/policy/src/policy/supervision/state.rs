//! The course of one generation, from one state to the next. The clock is the caller's.

use std::time::{Duration, Instant};

use super::SupervisionOptions;

/// Whether a generation is trusted. The parent module tells what leads from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It answers, and has to show for how long.
    Trial {
        /// When the trial has gone well.
        until: Instant,
        /// It has never been set aside.
        first: bool,
    },
    /// It answers, and its trial went well.
    Live,
    /// It misbehaved, and is not called until it is tried again.
    Quarantined {
        /// When that is.
        retry_at: Instant,
    },
    /// An operator had it quarantined: it is not tried again by itself.
    Held,
}

/// What happens to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its breaker opened. `before`: the generation before is kept, and good enough to go back to.
    Misbehaved { before: bool },
    /// Time went by.
    Time,
    /// It was tried, and answered a probe.
    Started,
    /// It was tried, and did not.
    DidNotStart,
    /// An operator wants it quarantined.
    Hold,
    /// An operator wants the directory taken up anew.
    Reload,
}

/// What has to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// It has proven itself: tell of it.
    Proven,
    /// Put the generation before back in force, for good.
    RollBack,
    /// Set it aside; it is tried again after this time, or not by itself.
    SetAside { retry_in: Option<Duration> },
    /// Start and probe it.
    Try,
    /// Put it in force again.
    TakeBack,
}

/// One generation's state, and how often it was set aside since a trial of it went well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    state: State,
    since: Instant,
    setbacks: u32,
}

impl Course {
    /// The course of a generation that goes live at `now`.
    pub(crate) fn new(now: Instant, options: &SupervisionOptions) -> Self {
        Self { state: State::Trial { until: now + options.trial, first: true }, since: now, setbacks: 0 }
    }

    /// The course of a generation that is back in charge at `now`, after a trial of it went well.
    pub(crate) fn proven(now: Instant) -> Self {
        Self { state: State::Live, since: now, setbacks: 0 }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// When it came into its state.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Whether it is called.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.state, State::Trial { .. } | State::Live)
    }

    /// When [`Event::Time`] will mean something to it.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Trial { until: due, .. } | State::Quarantined { retry_at: due } => Some(due),
            State::Live | State::Held => None,
        }
    }

    /// Goes on by one event; says what has to be done about it.
    pub(crate) fn on(&mut self, event: Event, now: Instant, options: &SupervisionOptions) -> Action {
        match (self.state, event) {
            (State::Trial { first: true, .. }, Event::Misbehaved { before: true }) => Action::RollBack,
            (State::Trial { .. } | State::Live, Event::Misbehaved { .. })
            | (State::Quarantined { .. } | State::Held, Event::DidNotStart) => {
                let retry_in = self.pause(options);
                self.setbacks = self.setbacks.saturating_add(1);
                self.enter(State::Quarantined { retry_at: now + retry_in }, now);
                Action::SetAside { retry_in: Some(retry_in) }
            }
            (State::Trial { until, .. }, Event::Time) if now >= until => {
                self.setbacks = 0;
                self.enter(State::Live, now);
                Action::Proven
            }
            (State::Quarantined { retry_at }, Event::Time) if now >= retry_at => Action::Try,
            (State::Quarantined { .. } | State::Held, Event::Reload) => Action::Try,
            (State::Quarantined { .. } | State::Held, Event::Started) => {
                self.enter(State::Trial { until: now + options.trial, first: false }, now);
                Action::TakeBack
            }
            (State::Trial { .. } | State::Live | State::Quarantined { .. }, Event::Hold) => {
                self.enter(State::Held, now);
                Action::SetAside { retry_in: None }
            }
            _ => Action::None,
        }
    }

    fn enter(&mut self, state: State, now: Instant) {
        let still = matches!((self.state, state), (State::Quarantined { .. }, State::Quarantined { .. }));
        (self.state, self.since) = (state, if still { self.since } else { now });
    }

    /// How long it waits for its next try: twice as long after each setback.
    fn pause(&self, options: &SupervisionOptions) -> Duration {
        let doubled = 2_u32.checked_pow(self.setbacks).and_then(|times| options.first_retry.checked_mul(times));
        doubled.map_or(options.longest_retry, |pause| pause.min(options.longest_retry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A course that is told of everything at `now`.
    struct Run {
        course: Course,
        now: Instant,
        options: SupervisionOptions,
    }

    impl Run {
        fn new() -> Self {
            let options = SupervisionOptions {
                trial: 60 * SECOND,
                first_retry: 10 * SECOND,
                longest_retry: 60 * SECOND,
                ..SupervisionOptions::default()
            };
            let now = Instant::now();
            Self { course: Course::new(now, &options), now, options }
        }

        fn on(&mut self, event: Event) -> Action {
            self.course.on(event, self.now, &self.options)
        }

        fn after(&mut self, seconds: u32) -> &mut Self {
            self.now += seconds * SECOND;
            self
        }

        /// A course that went through its trial.
        fn live() -> Self {
            let mut run = Self::new();
            assert_eq!(run.after(60).on(Event::Time), Action::Proven);
            run
        }
    }

    fn set_aside(seconds: u32) -> Action {
        Action::SetAside { retry_in: Some(seconds * SECOND) }
    }

    #[test]
    fn a_trial_goes_well_when_its_time_is_over() {
        let mut run = Run::new();
        assert_eq!(run.course.due(), Some(run.now + 60 * SECOND));
        assert_eq!(run.after(59).on(Event::Time), Action::None);
        assert!(matches!(run.course.state(), State::Trial { first: true, .. }) && run.course.answers());
        assert_eq!(run.after(1).on(Event::Time), Action::Proven);
        assert_eq!((run.course.state(), run.course.due()), (State::Live, None));
        assert_eq!(run.course.since(), run.now);
    }

    #[test]
    fn a_new_generation_that_misbehaves_in_its_first_trial_is_rolled_back_where_one_before_is_kept() {
        assert_eq!(Run::new().after(59).on(Event::Misbehaved { before: true }), Action::RollBack);
        assert_eq!(Run::new().after(59).on(Event::Misbehaved { before: false }), set_aside(10));
    }

    #[test]
    fn a_live_generation_that_misbehaves_is_quarantined_and_not_rolled_back() {
        let mut run = Run::live();
        assert_eq!(run.on(Event::Misbehaved { before: true }), set_aside(10));
        assert_eq!(run.course.state(), State::Quarantined { retry_at: run.now + 10 * SECOND });
        assert!(!run.course.answers());
    }

    #[test]
    fn what_is_quarantined_is_tried_when_its_time_has_come_and_is_on_trial_if_it_starts() {
        let mut run = Run::live();
        run.on(Event::Misbehaved { before: false });
        assert_eq!(run.after(9).on(Event::Time), Action::None);
        assert_eq!(run.after(1).on(Event::Time), Action::Try);
        assert_eq!(run.on(Event::Started), Action::TakeBack);
        assert_eq!(run.course.state(), State::Trial { until: run.now + 60 * SECOND, first: false });
    }

    #[test]
    fn a_generation_that_came_back_is_never_rolled_back() {
        let mut run = Run::new();
        run.on(Event::Misbehaved { before: false });
        run.after(10).on(Event::Time);
        run.on(Event::Started);
        assert_eq!(run.on(Event::Misbehaved { before: true }), set_aside(20));
    }

    #[test]
    fn each_setback_doubles_the_wait_up_to_the_longest_though_every_probe_goes_well() {
        let mut run = Run::live();
        for pause in [10, 20, 40, 60, 60] {
            assert_eq!(run.on(Event::Misbehaved { before: true }), set_aside(pause));
            assert_eq!(run.after(pause).on(Event::Time), Action::Try);
            assert_eq!(run.on(Event::Started), Action::TakeBack);
            run.after(59);
        }
        run.course.setbacks = u32::MAX;
        assert_eq!(run.on(Event::Misbehaved { before: true }), set_aside(60));
    }

    #[test]
    fn a_trial_that_went_well_makes_setbacks_forgotten() {
        let mut run = Run::live();
        run.on(Event::Misbehaved { before: true });
        run.after(10).on(Event::Started);
        assert_eq!(run.after(60).on(Event::Time), Action::Proven);
        assert_eq!(run.on(Event::Misbehaved { before: true }), set_aside(10));
    }

    #[test]
    fn what_does_not_start_waits_twice_as_long_and_is_quarantined_since_the_beginning() {
        let mut run = Run::live();
        run.on(Event::Misbehaved { before: true });
        let since = run.now;
        run.after(10);
        assert_eq!(run.on(Event::DidNotStart), set_aside(20));
        assert_eq!(run.course.state(), State::Quarantined { retry_at: run.now + 20 * SECOND });
        assert_eq!(run.course.since(), since);
    }

    #[test]
    fn what_an_operator_quarantined_is_tried_by_a_reload_alone() {
        for mut run in [Run::new(), Run::live()] {
            assert_eq!(run.on(Event::Hold), Action::SetAside { retry_in: None });
            assert_eq!((run.course.state(), run.course.due()), (State::Held, None));
            assert_eq!(run.after(100_000).on(Event::Time), Action::None);
            assert_eq!(run.on(Event::Misbehaved { before: true }), Action::None, "a call that was under way");
            assert_eq!(run.on(Event::Hold), Action::None);
            assert_eq!(run.on(Event::Reload), Action::Try);
            assert_eq!(run.on(Event::Started), Action::TakeBack);
        }
    }

    #[test]
    fn an_operator_may_quarantine_what_is_quarantined_so_that_it_is_not_tried_again() {
        let mut run = Run::live();
        run.on(Event::Misbehaved { before: true });
        assert_eq!(run.on(Event::Hold), Action::SetAside { retry_in: None });
        assert_eq!(run.after(100_000).on(Event::Time), Action::None);
    }

    #[test]
    fn what_an_operator_has_tried_and_does_not_start_is_tried_again_by_itself() {
        let mut run = Run::live();
        run.on(Event::Hold);
        assert_eq!(run.on(Event::DidNotStart), set_aside(10));
        assert_eq!(run.after(10).on(Event::Time), Action::Try);
    }

    #[test]
    fn a_reload_leaves_what_answers_alone() {
        assert_eq!(Run::new().on(Event::Reload), Action::None);
        assert_eq!(Run::live().on(Event::Reload), Action::None);
    }
}
