//! The clock of running calls.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use reprise_session::vital::{Ended, Vitals};
use wasmtime::Engine;

use super::thread::OwnedThread;

/// How often running calls look at the time. A call that loops is ended at most about this much
/// late; a thousand wake-ups a second are the price, about a thousandth of one core.
const TICK: Duration = Duration::from_millis(1);

/// The ticks after which a call that may take `allowed` looks at the time: never 0, which would be at once.
pub(super) fn ticks(allowed: Duration) -> u64 {
    (allowed.as_millis() / TICK.as_millis()) as u64 + 1
}

/// A thread that moves the engine's epoch on. The epoch ends no call by itself: a call that reaches
/// its mark compares the clock with its own deadline, so that a late or bunched tick never ends a
/// call early, nor one call another's.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
    // Held to be joined when dropped.
    _thread: OwnedThread,
}

impl Ticker {
    pub(super) fn start(engine: Engine, vitals: &Vitals) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = OwnedThread::spawn(vitals, "reprise-ticker", move |heart| {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                let _busy = heart.works();
                engine.increment_epoch();
            }
            Ended::Told
        })?;
        Ok(Self { stop, _thread: thread })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
