//! A policy that answers.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use wasmtime::{Trap, WasmBacktrace};

use super::{
    Answer, Budget, Callback, Failure, OnFailure,
    instance::{Blueprint, Instance, in_words},
    pool::Pool,
    runtime::Shared,
    sandbox::NodeMemory,
};
use crate::metrics::PolicyCounts;

/// How long to wait before an instance is made again after one could not be; doubled each time, up to the second.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// One line about failed calls in this time, for each policy.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// How a policy has been doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Calls made, failed ones included.
    pub calls: u64,
    /// Failed calls, by kind, in the order of [`Failure::ALL`].
    pub failures: [u64; Failure::ALL.len()],
    /// Instances there are, warm or in a call.
    pub instances: usize,
}

impl PolicyStatus {
    /// Failed calls of this kind.
    pub fn failed(&self, kind: Failure) -> u64 {
        self.failures[kind as usize]
    }
}

/// One generation of a policy: compiled, configured, probed and warm.
pub struct Policy {
    hash: [u8; 32],
    on_failure: OnFailure,
    attributes: Vec<String>,
    /// What one call may take, where NAME.toml says so.
    budget: Option<Duration>,
    drain: Duration,
    blueprint: Blueprint,
    memory: Arc<NodeMemory>,
    pool: Pool,
    calls: AtomicU64,
    failures: [AtomicU64; Failure::ALL.len()],
    retry: Mutex<Retry>,
    complaints: Mutex<Complaints>,
    /// Last, so that the threads outlive the instances.
    shared: Arc<Shared>,
}

/// What is particular to a policy apart from how its instances are made.
pub(super) struct Terms {
    pub(super) hash: [u8; 32],
    pub(super) on_failure: OnFailure,
    pub(super) attributes: Vec<String>,
    pub(super) budget: Option<Duration>,
}

/// When instances may be made again.
#[derive(Default)]
struct Retry {
    pause: Duration,
    not_before: Option<Instant>,
}

/// Failed calls that were not logged since the last one that was.
#[derive(Default)]
struct Complaints {
    last: Option<Instant>,
    withheld: u64,
}

impl Policy {
    /// Its name: the file's stem without its number.
    pub fn name(&self) -> &str {
        &self.blueprint.label.name
    }

    /// Counts the modules that went live under this name, from 1.
    pub fn generation(&self) -> u64 {
        self.blueprint.label.generation
    }

    /// SHA-256 of the module's bytes, followed by those of its NAME.toml where there is one.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The module's file, as shown to the operator.
    pub fn file(&self) -> &Path {
        &self.blueprint.label.file
    }

    /// Begins the draining: handshakes that began with this generation may end with it, within the runtime's
    /// [`drain`](super::RuntimeOptions::drain). Then its instances go, and a call is [`Failure::Retired`].
    pub fn retire(&self) {
        self.pool.drain(Instant::now() + self.drain);
        self.shared.work.order();
    }

    /// How it has been doing.
    pub fn status(&self) -> PolicyStatus {
        PolicyStatus {
            calls: self.calls.load(Relaxed),
            failures: self.failures.each_ref().map(|count| count.load(Relaxed)),
            instances: self.pool.instances(),
        }
    }

    /// The policy's own counters (`observe.count`) by name, those of earlier generations included.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.memory.observations.lock().counters()
    }

    /// What the policies of its name have been called and have answered, earlier generations included.
    pub(crate) fn counts(&self) -> &PolicyCounts {
        &self.memory.counts
    }

    /// Messages and counts of the policy that were over the caps of `observe`, and so dropped.
    pub fn observations_dropped(&self) -> u64 {
        self.memory.observations.lock().dropped()
    }

    pub(super) fn new(
        blueprint: Blueprint,
        terms: Terms,
        instances: Vec<Instance>,
        memory: Arc<NodeMemory>,
        drain: Duration,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            hash: terms.hash,
            on_failure: terms.on_failure,
            attributes: terms.attributes,
            budget: terms.budget,
            drain,
            blueprint,
            memory,
            pool: Pool::new(instances.len(), instances),
            calls: AtomicU64::new(0),
            failures: Default::default(),
            retry: Mutex::default(),
            complaints: Mutex::default(),
            shared,
        }
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.blueprint.label.name
    }

    pub(super) fn exports_new(&self) -> bool {
        self.blueprint.linked.new.is_some()
    }

    pub(super) fn exports_get(&self) -> bool {
        self.blueprint.linked.get.is_some()
    }

    pub(super) fn exports_remove(&self) -> bool {
        self.blueprint.linked.remove.is_some()
    }

    /// The attributes that its NAME.toml asks for.
    pub(super) fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// What a failed call of it counts as.
    pub(super) fn failed(&self, failure: Failure) -> Answer {
        match self.on_failure {
            OnFailure::Object => Answer::FailedObjecting(failure),
            OnFailure::Abstain => Answer::FailedAbstaining(failure),
        }
    }

    /// Calls it within what is left of `budget`, and takes what that used off it. `valid` holds the verdict against the limits
    /// that its type does not have. No verdict: it does not export this callback.
    pub(super) fn call<V>(
        &self,
        callback: Callback,
        budget: &mut Budget,
        call: impl FnOnce(&mut Instance) -> Option<wasmtime::Result<V>>,
        valid: impl FnOnce(&V) -> bool,
    ) -> Result<Option<V>, Failure> {
        self.calls.fetch_add(1, Relaxed);
        let start = Instant::now();
        let allowed = self.budget.map_or(budget.remaining(), |own| own.min(budget.remaining()));
        if allowed.is_zero() {
            self.counts().left_out(callback);
            return Err(self.note_failure(callback, Failure::Deadline, None));
        }
        let mut instance = self.pool.take(start + allowed).map_err(|failure| {
            let now = budget.spend_since(start);
            self.counts().called(callback, now.duration_since(start));
            self.note_failure(callback, failure, None)
        })?;
        // What was spent on waiting is not there for the call.
        instance.arm(start, allowed);
        let answer = call(&mut instance);
        let now = budget.spend_since(start);
        self.counts().called(callback, now.duration_since(start));
        match answer {
            Some(Err(error)) => {
                drop(instance);
                self.shared.work.order();
                Err(self.note_failure(callback, kind(&error), Some(&error)))
            }
            Some(Ok(verdict)) => {
                if instance.give_back(now) {
                    self.shared.work.order();
                }
                if !valid(&verdict) {
                    return Err(self.note_failure(callback, Failure::InvalidVerdict, None));
                }
                Ok(Some(verdict))
            }
            None => {
                instance.give_back(now);
                Ok(None)
            }
        }
    }

    /// For the upkeep thread: drops what is spent, makes one instance if any is missing, and says when to come again.
    pub(super) fn tend(&self, now: Instant) -> Option<Instant> {
        let tidied = self.pool.tidy(now);
        if tidied.missing == 0 {
            return tidied.drained_at;
        }
        let mut retry = self.retry.lock();
        if let Some(not_before) = retry.not_before.filter(|not_before| *not_before > now) {
            return Some(tidied.drained_at.map_or(not_before, |drained| drained.min(not_before)));
        }
        match self.blueprint.start(Arc::clone(&self.memory)) {
            Ok(instance) => {
                *retry = Retry::default();
                self.pool.add(instance);
                Some(now)
            }
            Err(error) => {
                self.pool.give_up();
                retry.pause = (retry.pause * 2).clamp(FIRST_RETRY, LAST_RETRY);
                retry.not_before = Some(Instant::now() + retry.pause);
                let (policy, pause) = (&self.blueprint.label, retry.pause);
                tracing::warn!(%policy, "no new instance could be made; trying again in {pause:?}: {error}");
                retry.not_before
            }
        }
    }

    /// Counts a failed call and, not more than once a second, logs it.
    fn note_failure(&self, callback: Callback, failure: Failure, error: Option<&wasmtime::Error>) -> Failure {
        self.failures[failure as usize].fetch_add(1, Relaxed);
        self.counts().failed(failure);
        let mut complaints = self.complaints.lock();
        if complaints.last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            complaints.withheld += 1;
            return failure;
        }
        let withheld = std::mem::take(&mut complaints.withheld);
        complaints.last = Some(Instant::now());
        drop(complaints);
        let label = &self.blueprint.label;
        tracing::warn!(
            file = %label.file.display(),
            policy = &*label.name,
            generation = label.generation,
            callback = callback.as_str(),
            failure = failure.as_str(),
            withheld,
            error = error.map(|error| tracing::field::display(in_words(error))),
            "a policy's call failed"
        );
        failure
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({})", self.blueprint.label)
    }
}

/// Why a call ended in `error`. Outside of Wasm, with no trap and no frame of the guest, only its verdict can be at fault.
fn kind(error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Failure::Deadline,
        Some(_) => Failure::Trap,
        None if error.downcast_ref::<WasmBacktrace>().is_some() => Failure::Trap,
        None => Failure::InvalidVerdict,
    }
}
