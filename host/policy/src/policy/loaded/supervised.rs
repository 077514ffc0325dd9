//! What supervision does to a policy.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use super::{Policy, Retry};
use crate::policy::{
    Alarm, Misbehaviour, Mode, OnFailure, WindowCounts,
    probe::{ProbeError, probe},
};

impl Policy {
    /// The failures that count at this moment. None do where nobody supervises the policy.
    pub fn window(&self) -> WindowCounts {
        self.breaker.counts(Instant::now(), self.calls.load(Relaxed))
    }

    /// Begins to supervise it: a misbehaviour sets it aside, and rings `alarm`.
    pub(crate) fn supervise(&self, alarm: Alarm) {
        self.breaker.watch(Instant::now(), self.calls.load(Relaxed), alarm);
    }

    /// What it was set aside for.
    pub(crate) fn misbehaviour(&self) -> Option<Misbehaviour> {
        self.breaker.misbehaviour()
    }

    /// From the next call on it is not called, and counts as failing.
    pub(crate) fn set_aside(&self) {
        self.breaker.open();
    }

    /// Takes it back after it was set aside or retired, if a new instance answers a probe on
    /// scratch state. Its pool is warm then, and its failures are forgotten. Takes as long as
    /// starting its instances: never call it on a handshake's thread.
    ///
    /// # Errors
    /// Why it cannot be called.
    pub(crate) fn take_back(&self) -> Result<(), String> {
        let not_started = |error| format!("no new instance could be made: {error}");
        // Room or no room: it is what answers, or what is to answer in place of what failed.
        let share = self.blueprint.share_anyway();
        let mut probed = self.blueprint.start_cold(Arc::default(), share).map_err(not_started)?;
        probe(&mut probed, &self.attributes, self.shared.options().start)
            .map_err(|ProbeError { callback, found, .. }| format!("`{callback}` fails for made-up facts: {found}"))?;
        drop(probed);
        let missing = self.pool.size().saturating_sub(self.pool.instances());
        self.pool.reopen(self.blueprint.start_several(missing, &self.memory).map_err(not_started)?);
        *self.retry.lock() = Retry::default();
        self.breaker.close(Instant::now(), self.calls.load(Relaxed));
        Ok(())
    }

    /// Whether it may answer in place of `newer`, the next generation, which failed: only where it
    /// decides about no less, and is no more lenient when it fails itself, so that nobody gains a
    /// resumption by making a policy fail.
    pub(crate) fn stands_in_for(&self, newer: &Policy) -> bool {
        let decides = self.mode == Mode::Enforce && newer.mode == Mode::Enforce && self.share >= newer.share;
        decides && (self.on_failure == OnFailure::Object || newer.on_failure == OnFailure::Abstain)
    }
}
