//! What must live: threads and tasks without which this process would only look as if it served.
//!
//! Each has a name and ends when it is told to, and not before. One that ends otherwise, by a panic or by returning
//! early, is logged and started again: at once, and after growing pauses while it keeps ending. Until it has run for
//! a second it is not *sound*, and `/healthz`, `/readyz`, the watchdog and `status` say so. What cannot be started
//! again ends the process with an error, if it is the `reprise` command's.
//!
//! A thread is started by [`Vitals::thread`]. A task has a loop around what it does:
//!
//! ```ignore
//! let mut life = vitals.task("name");
//! while life.again(caught(work()).await).await {}
//! ```

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::lock::Mutex;
use serde::{Deserialize, Serialize};

/// What was started again is sound once it has run for this long.
const PROVEN: Duration = Duration::from_secs(1);
/// Before it is started again: doubled each time, up to the longest, until it has run for [`A_WHILE`]. The longest is
/// short, for an owner that goes waits for its threads.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const A_WHILE: Duration = Duration::from_secs(60);

/// How a thread or a task that must live is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vital {
    /// Its name, e.g. `reprise-policies` or `listener default`.
    pub name: String,
    /// Whether it runs, and has for a while if it was started again.
    pub sound: bool,
    /// How often it ended without being told to, and was started again.
    pub restarts: u64,
    /// Why it ended the last time.
    pub ended: Option<String>,
    /// For how many seconds it has been busy with one round of its work; none while it waits for the next.
    pub busy: Option<u64>,
}

/// The threads and tasks of one owner. A clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Vitals(Arc<Mutex<Vec<Arc<Heart>>>>);

/// How a body came to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, or nobody is left whom it could serve.
    Told,
    /// For another reason.
    Early,
}

/// One of them, as its owner's list and its own body know it.
#[derive(Debug)]
pub struct Heart {
    name: String,
    state: Mutex<State>,
    /// A test has its next round panic.
    struck: AtomicBool,
}

#[derive(Debug)]
struct State {
    beat: Beat,
    restarts: u64,
    ended: Option<String>,
    /// Since when it is busy with one round.
    busy: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Runs { since: Instant },
    Down,
    Over,
}

/// What watches over one of them. Dropped before that was told to end, it is down for good.
pub struct Life {
    heart: Arc<Heart>,
    pause: Duration,
}

/// While it lives, a round of work is under way.
pub struct Busy<'a>(&'a Heart);

impl Ended {
    /// It was told to if `told`.
    pub fn told_if(told: bool) -> Self {
        if told { Self::Told } else { Self::Early }
    }
}

impl Vitals {
    /// A thread with this name that runs `body`, over and over until that says that it was told to end.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn thread(
        &self,
        name: &str,
        mut body: impl FnMut(&Heart) -> Ended + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let mut life = self.task(name);
        thread::Builder::new().name(name.into()).spawn(move || {
            loop {
                let ended = catch_unwind(AssertUnwindSafe(|| body(&life.heart))).map_err(said);
                let Some(pause) = life.ended(ended) else { return };
                thread::sleep(pause);
                life.heart.starts();
            }
        })
    }

    /// A task with this name, which runs from now on.
    pub fn task(&self, name: &str) -> Life {
        let heart = Arc::new(Heart::new(name));
        self.0.lock().push(Arc::clone(&heart));
        Life { heart, pause: FIRST_PAUSE }
    }

    /// How those are doing that were not told to end.
    pub fn list(&self) -> Vec<Vital> {
        let mut hearts = self.0.lock();
        hearts.retain(|heart| heart.state.lock().beat != Beat::Over);
        hearts.iter().map(|heart| heart.report()).collect()
    }

    /// For tests: has the round of work that this one begins next panic, and wakes nobody for it.
    #[doc(hidden)]
    pub fn strike(&self, name: &str) {
        let hearts = self.0.lock();
        let heart =
            hearts.iter().find(|heart| heart.name == name).unwrap_or_else(|| panic!("nothing is called {name}"));
        heart.struck.store(true, Ordering::SeqCst);
    }
}

impl Heart {
    fn new(name: &str) -> Self {
        let state = State { beat: Beat::Runs { since: Instant::now() }, restarts: 0, ended: None, busy: None };
        Self { name: name.into(), state: Mutex::new(state), struck: AtomicBool::new(false) }
    }

    /// A round of work begins, and is over when what this returns is dropped.
    pub fn works(&self) -> Busy<'_> {
        self.state.lock().busy = Some(Instant::now());
        let busy = Busy(self);
        // Nothing is, but in tests: to look is cheaper than to exchange.
        let struck = self.struck.load(Ordering::Relaxed) && self.struck.swap(false, Ordering::SeqCst);
        assert!(!struck, "struck by a test");
        busy
    }

    fn starts(&self) {
        let mut state = self.state.lock();
        state.beat = Beat::Runs { since: Instant::now() };
        state.restarts += 1;
    }

    fn report(&self) -> Vital {
        let state = self.state.lock();
        let sound = match state.beat {
            Beat::Runs { since } => state.restarts == 0 || since.elapsed() >= PROVEN,
            Beat::Down => false,
            Beat::Over => true,
        };
        Vital {
            name: self.name.clone(),
            sound,
            restarts: state.restarts,
            ended: state.ended.clone(),
            busy: state.busy.map(|since| since.elapsed().as_secs()),
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.state.lock().busy = None;
    }
}

impl Life {
    /// What its body marks its rounds with.
    pub fn heart(&self) -> Arc<Heart> {
        Arc::clone(&self.heart)
    }

    /// Notes how the body ended. False if it was told to; else true, after a pause: it is to be started again.
    #[cfg(feature = "tokio")]
    pub async fn again(&mut self, ended: Result<Ended, String>) -> bool {
        let Some(pause) = self.ended(ended) else { return false };
        tokio::time::sleep(pause).await;
        self.heart.starts();
        true
    }

    /// How long to wait before it is started again; none if it was told to end.
    fn ended(&mut self, ended: Result<Ended, String>) -> Option<Duration> {
        let why = match ended {
            Ok(Ended::Told) => {
                self.heart.state.lock().beat = Beat::Over;
                return None;
            }
            Ok(Ended::Early) => "it returned".to_owned(),
            Err(panic) => format!("it panicked: {panic}"),
        };
        {
            let mut state = self.heart.state.lock();
            if matches!(state.beat, Beat::Runs { since } if since.elapsed() >= A_WHILE) {
                self.pause = FIRST_PAUSE;
            }
            state.beat = Beat::Down;
            state.ended = Some(why.clone());
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        let name = &self.heart.name;
        // It may be the log that it died of.
        let _ =
            catch_unwind(|| tracing::error!("`{name}` ended and should not have: {why}; started again in {pause:?}"));
        Some(pause)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let mut state = self.heart.state.lock();
        if state.beat != Beat::Over {
            state.beat = Beat::Down;
        }
    }
}

/// Runs a callback's body; a panic is logged and answered with `otherwise`.
pub fn guarded<T>(callback: &str, otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        // The logger may be what panicked; a second panic here must not get out either.
        let _ = catch_unwind(|| tracing::error!(callback, "a callback panicked; the connection does not resume"));
        otherwise
    })
}

/// What comes of `future`; if it panics, what it said. It is not polled again then.
///
/// # Errors
/// It panicked.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(said(panic))),
    })
    .await
}

/// What a panic said.
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it does not say why".into())
}
