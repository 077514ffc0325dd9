//! What keeps a policy from being called.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use reprise_session::lock::Mutex;

use super::{Misbehaviour, SupervisionOptions, WindowCounts, window::Window};

/// Rung when a policy has been set aside for misbehaviour. Called on the thread of the call that
/// failed: it must not wait.
pub(crate) type Alarm = Arc<dyn Fn() + Send + Sync>;

/// How much a failed call weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Weight {
    /// The policy failed.
    Fault,
    /// The policy took too long.
    Overrun,
    /// The policy could not help it.
    Excused,
}

/// A circuit breaker: closed, calls go through; open, they fail at once. A failure opens it if it
/// makes up a misbehaviour with those before. A call that goes well reads one flag and takes no
/// lock.
pub(in crate::policy) struct Breaker {
    open: AtomicBool,
    options: SupervisionOptions,
    /// None where nobody supervises: then it stays closed, for nobody would close it again.
    watch: Mutex<Option<Watch>>,
}

struct Watch {
    window: Window,
    misbehaviour: Option<Misbehaviour>,
    alarm: Alarm,
}

impl Breaker {
    pub(in crate::policy) fn new(options: SupervisionOptions) -> Self {
        Self { open: AtomicBool::new(false), options, watch: Mutex::new(None) }
    }

    /// Begins to count, at `now`, after `calls` calls.
    pub(in crate::policy) fn watch(&self, now: Instant, calls: u64, alarm: Alarm) {
        *self.watch.lock() = Some(Watch { window: Window::new(now, calls), misbehaviour: None, alarm });
    }

    pub(in crate::policy) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Opens it for no misbehaviour.
    pub(in crate::policy) fn open(&self) {
        self.open.store(true, Relaxed);
    }

    /// Closes it, and begins to count anew.
    pub(in crate::policy) fn close(&self, now: Instant, calls: u64) {
        if let Some(watch) = self.watch.lock().as_mut() {
            (watch.window, watch.misbehaviour) = (Window::new(now, calls), None);
            self.open.store(false, Relaxed);
        }
    }

    /// A call failed, the last of `calls`.
    pub(in crate::policy) fn note(&self, now: Instant, calls: u64, weight: Weight) {
        let mut watch = self.watch.lock();
        let Some(Watch { window, misbehaviour, alarm }) = watch.as_mut() else { return };
        match weight {
            Weight::Fault => window.fault(now, calls, &self.options),
            Weight::Overrun => window.overrun(now, calls, &self.options),
            Weight::Excused => return window.excuse(),
        }
        if misbehaviour.is_none() && !self.is_open() {
            *misbehaviour = window.misbehaviour(&self.options);
            if misbehaviour.is_some() {
                self.open();
                let alarm = Arc::clone(alarm);
                drop(watch);
                alarm();
            }
        }
    }

    /// Moves the window on.
    pub(in crate::policy) fn mark(&self, now: Instant, calls: u64) {
        if let Some(watch) = self.watch.lock().as_mut() {
            watch.window.mark(now, calls, &self.options);
        }
    }

    /// Why it opened, if by misbehaviour.
    pub(in crate::policy) fn misbehaviour(&self) -> Option<Misbehaviour> {
        self.watch.lock().as_ref().and_then(|watch| watch.misbehaviour)
    }

    /// What counts at `now`.
    pub(in crate::policy) fn counts(&self, now: Instant, calls: u64) -> WindowCounts {
        self.mark(now, calls);
        self.watch.lock().as_ref().map(|watch| watch.window.counts()).unwrap_or_default()
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
