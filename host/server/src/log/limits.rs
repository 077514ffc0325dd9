//! How many lines one cause may have in a second. What is more is counted, and told in one line.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;
use reprise_session::printable::Beginning;
use tracing::{
    Event, Level,
    callsite::Identifier,
    field::{Field, Visit},
};

/// What lines are counted over.
pub(super) const WINDOW: Duration = Duration::from_secs(1);
/// Lines of one cause in a window: as many as one policy may say.
const LINES: u32 = 100;
/// At `debug` and below, where each connection has lines.
const TALKATIVE_LINES: u32 = 1_000;
/// Causes that are told apart; beyond, one place in the code is one cause.
const CAUSES: usize = 1_024;
/// What tells a line of one place in the code from another's of the same place: not an attacker's to vary without end.
const TOLD_APART_BY: [&str; 3] = ["policy", "file", "store"];
/// Bytes of a line that is shown for those like it.
const SAMPLE: usize = 200;

/// What was said of late, by its cause.
#[derive(Default)]
pub(super) struct Limits {
    windows: Mutex<HashMap<Cause, Window>>,
    repeated: AtomicU64,
}

/// A place in the code, and what its line is about.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Cause {
    place: Identifier,
    about: u64,
}

struct Window {
    begun: Instant,
    lines: u32,
    held: u64,
    level: Level,
    sample: String,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Write,
    /// Its cause has had its share. The first of several says so, for them to be told of later.
    Hold {
        first: bool,
    },
}

/// Lines of one cause that were held back.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) lines: u64,
    pub(super) level: Level,
    /// The beginning of one of them.
    pub(super) sample: String,
}

impl Limits {
    /// Whether this event may be written now.
    pub(super) fn admit(&self, event: &Event<'_>, now: Instant) -> Admission {
        let level = *event.metadata().level();
        let most = if level >= Level::DEBUG { TALKATIVE_LINES } else { LINES };
        let place = event.metadata().callsite();
        let mut cause = Cause { about: about(event), place: place.clone() };
        let mut windows = self.windows.lock();
        if windows.len() >= CAUSES && !windows.contains_key(&cause) {
            windows.retain(|_, window| window.held > 0 || !window.is_over(now));
            if windows.len() >= CAUSES {
                cause = Cause { about: 0, place };
            }
        }
        let fresh = || Window { begun: now, lines: 0, held: 0, level, sample: String::new() };
        let window = windows.entry(cause).or_insert_with(fresh);
        if window.is_over(now) {
            (window.begun, window.lines) = (now, 0);
        }
        if window.lines < most {
            window.lines += 1;
            return Admission::Write;
        }
        self.repeated.fetch_add(1, Relaxed);
        window.held += 1;
        let first = window.held == 1;
        if first {
            window.sample = sample(event);
        }
        Admission::Hold { first }
    }

    /// What was held back and nobody has been told of.
    pub(super) fn due(&self) -> Vec<Due> {
        let now = Instant::now();
        let mut windows = self.windows.lock();
        let mut due = Vec::new();
        for window in windows.values_mut().filter(|window| window.held > 0) {
            let (lines, sample) = (mem::take(&mut window.held), mem::take(&mut window.sample));
            due.push(Due { lines, level: window.level, sample });
        }
        windows.retain(|_, window| !window.is_over(now));
        due
    }

    /// Lines held back so far.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated.load(Relaxed)
    }
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= WINDOW
    }
}

fn about(event: &Event<'_>) -> u64 {
    let fields = event.metadata().fields();
    if TOLD_APART_BY.iter().all(|name| fields.field(name).is_none()) {
        return 0;
    }
    let mut about = About(DefaultHasher::new());
    event.record(&mut about);
    about.0.finish()
}

fn sample(event: &Event<'_>) -> String {
    let mut sample = Sample(Beginning::new(SAMPLE));
    event.record(&mut sample);
    sample.0.as_str().to_owned()
}

struct About(DefaultHasher);

impl Visit for About {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if TOLD_APART_BY.contains(&field.name()) {
            let _ = write!(self, "{value:?}");
        }
    }
}

impl fmt::Write for About {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.hash(&mut self.0);
        Ok(())
    }
}

struct Sample(Beginning);

impl Visit for Sample {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::{Layer, layer::Context, prelude::*};

    use super::*;

    /// Admits at a time that stands still until it is moved.
    struct Counting {
        limits: Limits,
        now: Mutex<Instant>,
        written: AtomicU64,
    }

    struct Counted(Arc<Counting>);

    impl<S: tracing::Subscriber> Layer<S> for Counted {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if self.0.limits.admit(event, *self.0.now.lock()) == Admission::Write {
                self.0.written.fetch_add(1, Relaxed);
            }
        }
    }

    fn counting(lines: impl FnOnce(&Counting)) {
        let counting = Arc::new(Counting {
            limits: Limits::default(),
            now: Mutex::new(Instant::now()),
            written: AtomicU64::default(),
        });
        let subscriber = tracing_subscriber::registry().with(Counted(Arc::clone(&counting)));
        tracing::subscriber::with_default(subscriber, || lines(&counting));
    }

    impl Counting {
        fn written(&self) -> u64 {
            self.written.swap(0, Relaxed)
        }
    }

    #[test]
    fn a_cause_has_its_share_of_each_second() {
        counting(|counting| {
            let flood = || (0..250).for_each(|number| tracing::warn!("store failed: {number}"));
            flood();
            assert_eq!(counting.written(), u64::from(LINES));
            let due = counting.limits.due();
            assert_eq!((due.len(), due[0].lines, due[0].level), (1, 150, Level::WARN));
            assert_eq!((due[0].sample.as_str(), counting.limits.repeated()), ("store failed: 100", 150));
            assert!(counting.limits.due().is_empty());
            flood();
            assert_eq!(counting.written(), 0, "the second is not over");
            *counting.now.lock() += WINDOW;
            flood();
            assert_eq!(counting.written(), u64::from(LINES));
        });
    }

    #[test]
    fn causes_are_told_apart_by_place_and_policy() {
        counting(|counting| {
            for policy in ["a", "b"] {
                (0..LINES + 1).for_each(|_| tracing::info!(policy, "one place"));
            }
            (0..LINES).for_each(|_| tracing::info!("another"));
            assert_eq!(counting.written(), 3 * u64::from(LINES));
            assert_eq!(counting.limits.repeated(), 2);
        });
    }

    #[test]
    fn who_varies_without_end_is_one_cause() {
        counting(|counting| {
            let many = CAUSES as u64 + 10 * u64::from(LINES);
            (0..many).for_each(|policy| tracing::info!(policy, "one place"));
            assert_eq!(counting.written(), CAUSES as u64 + u64::from(LINES));
            assert!(counting.limits.windows.lock().len() <= CAUSES + 1);
        });
    }
}
