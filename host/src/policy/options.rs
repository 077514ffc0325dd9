//! The limits that a runtime holds its policies to.

use std::{thread, time::Duration};

use super::{
    SupervisionOptions,
    manifest::{MAX_INSTANCES, MAX_MEMORY},
};

/// What policies may use. Every limit protects handshakes from a policy, not one policy from another.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// What one handshake may spend on all policies together. 20 ms by default: about what a full handshake costs a client
    /// on a far network, so that a policy at its worst costs no more than the resumption would have saved.
    pub budget: Duration,
    /// Linear memory of one instance, in bytes, all its memories together. 16 MiB by default: a Rust or C policy needs one or
    /// two, and what a leaking one can hold is `memory` × `instances`.
    pub memory: usize,
    /// Warm instances of each policy. By default twice the cores: a call is short and runs on the handshake's own thread, so
    /// no more than one per core runs at once, and a thread that loses its core in mid-call holds on to its instance.
    pub instances: usize,
    /// How many policies the address space is reserved for: each has `instances` in up to three generations at once (live,
    /// draining, candidate). 16 by default; more than this many still load as long as slots are free.
    pub policies: usize,
    /// How long a retired policy still answers handshakes that began before its successor went live. 10 s by default: the time
    /// that servers commonly give a handshake.
    pub drain: Duration,
    /// What starting an instance may take: instantiation and `configure`, off the handshake threads. Also what a probe call may
    /// take. 2 s by default: a JavaScript policy needs some milliseconds, on a busy machine many times that.
    pub start: Duration,
    /// Age at which an instance is replaced. 10 minutes by default: whatever a policy piles up goes away at least that often.
    pub max_age: Duration,
    /// Calls after which an instance is replaced; the actual number is random between half of this and all of it, so that
    /// instances do not go all at once. 100,000 by default: at 0.1 ms for a new one, a nanosecond a call.
    pub max_calls: u32,
    /// Stack of a call, in bytes. 128 KiB by default: calls run on threads that are not ours, and wasmtime does not check what
    /// is left of a thread's stack, which must be this and 64 KiB more. Where threads have less than that (musl gives them
    /// 128 KiB if nobody asks for more), set it lower.
    pub stack: usize,
    /// When a policy that misbehaves is set aside, and when it is tried again.
    pub supervision: SupervisionOptions,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            budget: Duration::from_millis(20),
            memory: 16 << 20,
            instances: 2 * cores(),
            policies: 16,
            drain: Duration::from_secs(10),
            start: Duration::from_secs(2),
            max_age: Duration::from_secs(600),
            max_calls: 100_000,
            stack: 128 << 10,
            supervision: SupervisionOptions::default(),
        }
    }
}

impl RuntimeOptions {
    /// These options with no time beyond a day, so that no deadline lies beyond what a clock can show, and no number that
    /// nothing can be made of.
    pub(super) fn within_reason(self) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            memory: self.memory.min(MAX_MEMORY),
            instances: self.instances.clamp(1, MAX_INSTANCES),
            drain: self.drain.min(DAY),
            start: self.start.min(DAY),
            max_age: self.max_age.min(DAY),
            supervision: self.supervision.within_reason(),
            ..self
        }
    }
}

/// Threads that can run at once; 1 where that is unknown.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
