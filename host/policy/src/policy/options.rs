//! The limits that a runtime holds its policies to.

use std::{path::PathBuf, thread, time::Duration};

use super::{
    Compiler, SupervisionOptions,
    manifest::{MAX_INSTANCES, MAX_MEMORY},
};

/// What policies may use. Every limit protects handshakes from a policy, not one policy from another.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// What one handshake may spend on all policies together. 20 ms by default: about what a full
    /// handshake costs a client on a far network, so that a policy at its worst costs no more than
    /// the resumption would have saved.
    pub budget: Duration,
    /// Linear memory that one instance may have beyond what it begins with, in bytes, all its
    /// memories together. 16 MiB by default: a Rust or C policy needs one or two, and what a
    /// leaking one can hold is `memory` × `instances`. The heap of an interpreter is part of what
    /// its module begins with, up to 64 MiB; one that begins with more is rejected, unless its
    /// NAME.toml says how much it may have in all.
    pub memory: usize,
    /// Linear memory of all policies' instances together, in bytes. By default 512 MiB and 64 MiB
    /// for each core: room for sixteen policies in Rust or C with all their instances, or for some
    /// ten with an interpreter each. A policy gets fewer instances where there is no room for all
    /// of them, instances that others can do without are given up for it, and where there is not
    /// even room for one it is rejected. A call never fails for it: what instances grow by in
    /// calls, each up to its own bound, comes on top until they are replaced.
    pub memory_of_all: usize,
    /// Warm instances of each policy; fewer where they would begin with more than 256 MiB of memory
    /// together. By default twice the cores: a call is short and runs on the handshake's own
    /// thread, so no more than one per core runs at once, and a thread that loses its core in
    /// mid-call holds on to its instance.
    pub instances: usize,
    /// How many policies the address space is reserved for: each has `instances` in up to three
    /// generations at once (live, draining, candidate). 16 by default; more than this many still
    /// load as long as slots are free.
    pub policies: usize,
    /// How long a retired policy still answers handshakes that began before its successor went
    /// live. 10 s by default: the time that servers commonly give a handshake.
    pub drain: Duration,
    /// What starting an instance may take: instantiation and `configure`, off the handshake
    /// threads. Also what a probe call may take. 2 s by default: a JavaScript policy needs some
    /// milliseconds, on a busy machine many times that.
    pub start: Duration,
    /// Age at which an instance is replaced. 10 minutes by default: whatever a policy piles up goes
    /// away at least that often.
    pub max_age: Duration,
    /// Calls after which an instance is replaced; the actual number is random between half of this
    /// and all of it, so that instances do not go all at once. 100,000 by default: at 0.1 ms for a
    /// new one, a nanosecond a call.
    pub max_calls: u32,
    /// Stack of a call, in bytes. 128 KiB by default: calls run on threads that are not ours. A
    /// thread on which less than this and 64 KiB more is left makes no calls, which fail with
    /// [`Failure::NoStack`](super::Failure::NoStack). Where threads have less (musl gives them 128
    /// KiB if nobody asks for more), set it lower.
    pub stack: usize,
    /// A directory for compiled policies, so that a restart does not compile them again. None by
    /// default. It has to be this user's alone (0700; it is made so), for what is in it runs as
    /// machine code: see `policy/compiled`. One that is not is not used, and the log says why.
    pub cache: Option<PathBuf>,
    /// The most bytes that compiled policies take there; what was not used for longest goes first.
    /// 256 MiB by default: a Rust policy takes 200 KB, one in JavaScript 35 MB.
    pub cache_bytes: u64,
    /// Where modules are compiled. In this process by default; `reprise serve` has a process of its own for each.
    pub compiler: Compiler,
    /// Memory that compiling one module may take, in bytes, where it is compiled in a process of
    /// its own. 2 GiB by default: what is let through to the compiler takes less than 1 GiB.
    pub compile_memory: usize,
    /// Processor time that compiling one module may take there, on all cores together, in whole
    /// seconds; of time, six times as much, for it comes last on the machine. 5 minutes by default:
    /// a policy in JavaScript or Python takes ten seconds.
    pub compile_time: Duration,
    /// Whether a backtrace names the lines of the policy's source, where the module has debugging
    /// information. Not by default: finding them takes longer than a handshake has. `reprise check`
    /// does.
    pub source_lines: bool,
    /// When a policy that misbehaves is set aside, and when it is tried again.
    pub supervision: SupervisionOptions,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            budget: Duration::from_millis(20),
            memory: 16 << 20,
            memory_of_all: (512 << 20) + cores() * (64 << 20),
            instances: 2 * cores(),
            policies: 16,
            drain: Duration::from_secs(10),
            start: Duration::from_secs(2),
            max_age: Duration::from_secs(600),
            max_calls: 100_000,
            stack: 128 << 10,
            cache: None,
            cache_bytes: 256 << 20,
            compiler: Compiler::default(),
            compile_memory: 2 << 30,
            compile_time: Duration::from_secs(300),
            source_lines: false,
            supervision: SupervisionOptions::default(),
        }
    }
}

/// Bytes that an instance may begin with unasked, and all instances of a policy together.
const LARGE: usize = 64 << 20;
const LARGE_TOGETHER: usize = 256 << 20;

impl RuntimeOptions {
    /// Bytes of linear memory that an instance may have which begins with so many.
    pub(super) fn memory_of(&self, begins_with: usize) -> usize {
        let unasked = if begins_with <= LARGE { begins_with } else { 0 };
        self.memory.saturating_add(unasked).min(MAX_MEMORY)
    }

    /// Warm instances of a policy whose instances begin with so many bytes.
    pub(super) fn instances_of(&self, begins_with: usize) -> usize {
        self.instances.min(LARGE_TOGETHER / begins_with.max(1)).max(1)
    }

    /// These options with no time beyond a day, so that no deadline lies beyond what a clock can
    /// show, and no number that nothing can be made of.
    pub(super) fn within_reason(self) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            memory: self.memory.min(MAX_MEMORY),
            instances: self.instances.clamp(1, MAX_INSTANCES),
            drain: self.drain.min(DAY),
            start: self.start.min(DAY),
            max_age: self.max_age.min(DAY),
            compile_time: self.compile_time.clamp(Duration::from_millis(1), DAY),
            supervision: self.supervision.within_reason(),
            ..self
        }
    }
}

/// Threads that can run at once; 1 where that is unknown.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_instance_begins_with_is_not_taken_off_what_it_may_have_until_it_is_out_of_the_ordinary() {
        let options = RuntimeOptions { memory: 16 << 20, ..RuntimeOptions::default() };
        assert_eq!(options.memory_of(128 << 10), (16 << 20) + (128 << 10));
        assert_eq!(options.memory_of(40 << 20), 56 << 20);
        assert_eq!(options.memory_of(65 << 20), 16 << 20);
    }

    #[test]
    fn the_larger_the_instances_the_fewer() {
        let options = RuntimeOptions { instances: 32, ..RuntimeOptions::default() };
        let instances = [1 << 20, 32 << 20, 1 << 30].map(|bytes| options.instances_of(bytes));
        assert_eq!(instances, [32, 8, 1]);
    }
}
