//! A policy that answers. `call` asks it, `supervised` sets it aside and takes it back.

mod call;
mod supervised;

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    Answer, Failure, Mode, OnFailure, ShadowCounts,
    counts::PolicyCounts,
    instance::{Blueprint, Instance},
    pool::Pool,
    runtime::Shared,
    sandbox::NodeMemory,
    shadow::{Shadow, Tally},
    supervision::{Breaker, Weight},
};
use reprise_session::lock::Mutex;

/// How long to wait before an instance is made again after one could not be; doubled each time, up to the second.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// How a policy has been doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Calls made, failed ones included; without [`Failure::Quarantined`], for that is no call.
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
    mode: Mode,
    share: u8,
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
    breaker: Breaker,
    tally: Tally,
    retry: Mutex<Retry>,
    complaints: Mutex<Complaints>,
    /// Last, so that the threads outlive the instances.
    shared: Arc<Shared>,
}

/// What is particular to a policy apart from how its instances are made.
pub(super) struct Terms {
    pub(super) hash: [u8; 32],
    pub(super) mode: Mode,
    pub(super) share: u8,
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

    /// Whether it decides.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The percentage of connections that it is asked about. A session that carries a note of the
    /// policy's is shown to it wherever it is offered, so that what the policy bound it to still
    /// holds.
    pub fn share(&self) -> u8 {
        self.share
    }

    /// What its failed calls count as.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// In shadow mode: how its verdicts compare with what was decided.
    pub fn shadow_counts(&self) -> ShadowCounts {
        self.tally.counts()
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
    #[doc(hidden)]
    pub fn counts(&self) -> &PolicyCounts {
        &self.memory.counts
    }

    /// Messages and counts of the policy that were over the caps of `observe`, and so dropped.
    pub fn observations_dropped(&self) -> u64 {
        self.memory.observations.lock().dropped()
    }

    pub(super) fn new(
        blueprint: Blueprint,
        terms: Terms,
        instances: (usize, Vec<Instance>),
        memory: Arc<NodeMemory>,
        drain: Duration,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            hash: terms.hash,
            mode: terms.mode,
            share: terms.share,
            on_failure: terms.on_failure,
            attributes: terms.attributes,
            budget: terms.budget,
            drain,
            blueprint,
            memory,
            pool: Pool::new(instances.0, instances.1),
            calls: AtomicU64::new(0),
            failures: Default::default(),
            breaker: Breaker::new(shared.options().supervision.clone()),
            tally: Tally::default(),
            retry: Mutex::default(),
            complaints: Mutex::default(),
            shared,
        }
    }

    /// Takes out an idle instance that it can do without.
    pub(super) fn spare(&self) -> Option<Instance> {
        self.pool.spare()
    }

    /// Bytes of memory that its idle instances could give up.
    pub(super) fn spare_bytes(&self) -> usize {
        self.pool.instances().saturating_sub(1).saturating_mul(self.blueprint.footprint)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.pool.is_draining()
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.blueprint.label.name
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The queue of the policies in shadow mode.
    pub(super) fn shadow(&self) -> &Shadow {
        self.shared.shadow()
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

    /// For the upkeep thread: drops what is spent, makes one instance if any is missing, and says when to come again.
    pub(super) fn tend(&self, now: Instant) -> Option<Instant> {
        self.breaker.mark(now, self.calls.load(Relaxed));
        let tidied = self.pool.tidy(now);
        if tidied.missing == 0 {
            return tidied.drained_at;
        }
        let mut retry = self.retry.lock();
        if let Some(not_before) = retry.not_before.filter(|not_before| *not_before > now) {
            return Some(tidied.drained_at.map_or(not_before, |drained| drained.min(not_before)));
        }
        // The only one has to be; the others wait for room.
        let alone = self.pool.instances() == 0;
        let share = if alone { Some(self.blueprint.share_anyway()) } else { self.blueprint.share() };
        let Some(share) = share else { return tidied.drained_at };
        match self.blueprint.start(Arc::clone(&self.memory), share) {
            Ok(instance) => {
                *retry = Retry::default();
                self.pool.add(instance);
                Some(now)
            }
            Err(error) => {
                self.pool.give_up();
                if !error.is_the_hosts() {
                    self.breaker.note(now, self.calls.load(Relaxed), Weight::Fault);
                }
                retry.pause = (retry.pause * 2).clamp(FIRST_RETRY, LAST_RETRY);
                retry.not_before = Some(Instant::now() + retry.pause);
                let (policy, pause) = (&self.blueprint.label, retry.pause);
                tracing::warn!(%policy, "no new instance could be made; trying again in {pause:?}: {error}");
                retry.not_before
            }
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({})", self.blueprint.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::{load, runtime};

    #[test]
    fn an_instance_that_comes_when_the_pool_has_all_again_is_one_too_many() {
        let policy = load(&runtime(), "a", &reprise_fixtures::policies::no_opinion(), "").unwrap();
        let another = || policy.blueprint.start(Arc::clone(&policy.memory), policy.blueprint.share_anyway()).unwrap();
        assert_eq!(policy.status().instances, 2);
        policy.pool.add(another());
        assert_eq!(policy.status().instances, 2);
        policy.pool.reopen(vec![another()]);
        assert_eq!(policy.status().instances, 2);
        // One that is lacking is taken.
        drop(policy.pool.spare());
        policy.pool.add(another());
        assert_eq!(policy.status().instances, 2);
    }
}
