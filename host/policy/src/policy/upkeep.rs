//! The thread that keeps policies warm.

use std::{
    io,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use reprise_session::lock::{Condvar, Mutex};
use reprise_session::vital::{Ended, Heart, Vitals};

use super::{Policy, thread::OwnedThread};

/// How often instances are looked at for their age when nothing else wakes the thread.
const ROUND: Duration = Duration::from_secs(1);

/// A thread that makes the instances that policies lack, drops those that are spent, and closes
/// what has drained. It is one thread, and goes round: one instance for each policy at a time, so
/// that a policy that is slow to start keeps no other waiting for more than one start.
pub(super) struct Upkeep {
    work: Arc<Work>,
    // Held to be joined when dropped.
    _thread: OwnedThread,
}

/// What wakes the thread.
#[derive(Default)]
pub(super) struct Work {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Default)]
struct Orders {
    policies: Vec<Weak<Policy>>,
    /// Something is spent, or was retired.
    due: bool,
    stop: bool,
}

impl Upkeep {
    pub(super) fn start(vitals: &Vitals) -> io::Result<Self> {
        let work = Arc::<Work>::default();
        let thread = OwnedThread::spawn(vitals, "reprise-upkeep", {
            let work = Arc::clone(&work);
            move |heart| work.run(heart)
        })?;
        Ok(Self { work, _thread: thread })
    }

    /// What a policy wakes the thread with.
    pub(super) fn work(&self) -> Arc<Work> {
        Arc::clone(&self.work)
    }

    /// The policies that are taken care of.
    pub(super) fn policies(&self) -> Vec<Arc<Policy>> {
        let policies = self.work.orders.lock().policies.clone();
        policies.iter().filter_map(Weak::upgrade).collect()
    }

    /// Takes a policy into care, for as long as anybody else holds it.
    pub(super) fn adopt(&self, policy: &Arc<Policy>) {
        self.work.orders.lock().policies.push(Arc::downgrade(policy));
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.work.orders.lock().stop = true;
        self.work.changed.notify_one();
    }
}

impl Work {
    /// Says that a policy needs upkeep.
    pub(super) fn order(&self) {
        self.orders.lock().due = true;
        self.changed.notify_one();
    }

    fn run(&self, heart: &Heart) -> Ended {
        while let Some(policies) = self.next_round() {
            let busy = heart.works();
            let mut next = Instant::now() + ROUND;
            for policy in policies {
                // Not held on to between rounds: the last to let go of a policy may be this thread.
                let Some(policy) = policy.upgrade() else { continue };
                next = next.min(policy.tend(Instant::now()).unwrap_or(next));
            }
            drop(busy);
            self.wait(next);
        }
        Ended::Told
    }

    /// The policies to look after; none once the thread is to end.
    fn next_round(&self) -> Option<Vec<Weak<Policy>>> {
        let mut orders = self.orders.lock();
        orders.due = false;
        orders.policies.retain(|policy| policy.strong_count() > 0);
        (!orders.stop).then(|| orders.policies.clone())
    }

    fn wait(&self, until: Instant) {
        let (mut orders, mut late) = (self.orders.lock(), false);
        while !orders.due && !orders.stop && !late {
            (orders, late) = self.changed.wait_until(orders, until);
        }
    }
}
