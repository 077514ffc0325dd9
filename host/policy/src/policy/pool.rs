//! The warm instances of one policy.

use std::{
    mem,
    ops::{Deref, DerefMut},
    time::Instant,
};

use reprise_session::lock::{Condvar, Mutex};

use super::{Failure, instance::Instance};

/// Warm instances, taken for a call and given back after it.
///
/// A pool is **live** until its policy is retired; then it **drains**: handshakes that began with
/// the policy still end with it; then it is **closed**: it gives out nothing and keeps nothing. It
/// is opened again where a policy that was retired comes back. Making instances, and dropping them,
/// is the upkeep thread's work; a handshake's thread only takes, gives back and, for as long as it
/// can afford, waits.
pub(super) struct Pool {
    size: usize,
    shelf: Mutex<Shelf>,
    /// An instance came back, or the pool closed.
    changed: Condvar,
}

#[derive(Default)]
struct Shelf {
    /// Last in, first out: what was used last is in the cache.
    idle: Vec<Instance>,
    /// Instances in a call.
    taken: usize,
    /// Threads that wait for one to come back.
    waiting: usize,
    /// Instances to be dropped, trapped or worn.
    spent: Vec<Instance>,
    phase: Phase,
    /// The last attempt to make an instance failed: waiting for one is in vain.
    barren: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Live,
    Draining {
        until: Instant,
    },
    Closed,
}

/// An instance in a call. It goes back to its pool by [`Taken::give_back`]; dropped otherwise, it is spent.
pub(super) struct Taken<'a> {
    pool: &'a Pool,
    instance: Option<Instance>,
    /// It did not come at once.
    waited: bool,
}

impl Pool {
    /// A pool that is to have `size` instances, and has these.
    pub(super) fn new(size: usize, instances: Vec<Instance>) -> Self {
        let shelf = Shelf { idle: instances, ..Shelf::default() };
        Self { size, shelf: Mutex::new(shelf), changed: Condvar::new() }
    }

    /// An instance, waiting until `until` for one to come back.
    pub(super) fn take(&self, until: Instant) -> Result<Taken<'_>, Failure> {
        let (mut shelf, mut waited) = (self.shelf.lock(), false);
        loop {
            if shelf.phase == Phase::Closed {
                return Err(Failure::Retired);
            }
            if let Some(instance) = shelf.idle.pop() {
                shelf.taken += 1;
                return Ok(Taken { pool: self, instance: Some(instance), waited });
            }
            if shelf.barren && shelf.taken == 0 {
                return Err(Failure::Saturated);
            }
            waited = true;
            shelf.waiting += 1;
            let late;
            (shelf, late) = self.changed.wait_until(shelf, until);
            shelf.waiting -= 1;
            if late && shelf.idle.is_empty() {
                return Err(if shelf.phase == Phase::Closed { Failure::Retired } else { Failure::Saturated });
            }
        }
    }

    /// Begins the draining, which ends at `until`. Only the first call counts.
    pub(super) fn drain(&self, until: Instant) {
        let mut shelf = self.shelf.lock();
        if shelf.phase == Phase::Live {
            shelf.phase = Phase::Draining { until };
        }
    }

    /// Opens a pool that drains or is closed, with as many of these instances as it lacks.
    pub(super) fn reopen(&self, mut instances: Vec<Instance>) {
        let mut shelf = self.shelf.lock();
        shelf.phase = Phase::Live;
        shelf.barren = false;
        let missing = self.missing(&shelf).min(instances.len());
        shelf.idle.extend(instances.drain(..missing));
        drop(shelf);
        self.changed.notify_all();
    }

    /// Instances that it is to have.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Instances that it lacks. One that is made without the lock may turn out to be one too many.
    fn missing(&self, shelf: &Shelf) -> usize {
        self.size.saturating_sub(shelf.idle.len() + shelf.taken)
    }

    /// Instances there are, idle or in a call.
    pub(super) fn instances(&self) -> usize {
        let shelf = self.shelf.lock();
        shelf.idle.len() + shelf.taken
    }

    /// Takes out an idle instance that the policy can do without: one is left, idle or in a call.
    pub(super) fn spare(&self) -> Option<Instance> {
        let mut shelf = self.shelf.lock();
        let spare = !shelf.idle.is_empty() && shelf.idle.len() + shelf.taken > 1;
        // The one that was used longest ago.
        spare.then(|| shelf.idle.remove(0))
    }

    /// Whether it answers only what began before it was retired.
    pub(super) fn is_draining(&self) -> bool {
        matches!(self.shelf.lock().phase, Phase::Draining { .. })
    }

    /// For the upkeep thread: closes the pool if its draining is over, drops what is spent or worn, and says how many
    /// instances are missing and when to come again.
    pub(super) fn tidy(&self, now: Instant) -> Tidied {
        let mut shelf = self.shelf.lock();
        if matches!(shelf.phase, Phase::Draining { until } if until <= now) {
            shelf.phase = Phase::Closed;
        }
        let mut gone = mem::take(&mut shelf.spent);
        let closed = shelf.phase == Phase::Closed;
        gone.extend(shelf.idle.extract_if(.., |instance| closed || instance.is_worn(now)));
        let tidied = match shelf.phase {
            Phase::Closed => Tidied { missing: 0, drained_at: None },
            phase => Tidied {
                missing: self.missing(&shelf),
                drained_at: if let Phase::Draining { until } = phase { Some(until) } else { None },
            },
        };
        drop(shelf);
        if closed {
            self.changed.notify_all();
        }
        // Given back to the system outside the lock.
        drop(gone);
        tidied
    }

    /// Says that no new instance could be made. Calls that find none fail at once, until there is one again.
    pub(super) fn give_up(&self) {
        self.shelf.lock().barren = true;
        self.changed.notify_all();
    }

    /// Adds a new instance, unless it came too late: the pool is closed, or was opened with all that it is to have.
    pub(super) fn add(&self, instance: Instance) {
        let mut shelf = self.shelf.lock();
        if shelf.phase != Phase::Closed && self.missing(&shelf) > 0 {
            shelf.barren = false;
            shelf.idle.push(instance);
            drop(shelf);
            self.changed.notify_one();
        }
    }
}

/// What [`Pool::tidy`] left to do.
pub(super) struct Tidied {
    /// Instances to be made.
    pub(super) missing: usize,
    /// When the draining ends.
    pub(super) drained_at: Option<Instant>,
}

impl Taken<'_> {
    /// Whether it had to be waited for.
    pub(super) fn waited(&self) -> bool {
        self.waited
    }

    /// Ends the call; true if the instance is spent and a new one is to be made.
    pub(super) fn give_back(mut self, now: Instant) -> bool {
        let (worn, grown) = (self.is_worn(now), self.is_grown_too_far());
        let Some(instance) = self.instance.take() else { return false };
        let mut shelf = self.pool.shelf.lock();
        shelf.taken -= 1;
        let others = shelf.idle.len() + shelf.taken > 0;
        if worn || (grown && others) || shelf.phase == Phase::Closed {
            shelf.spent.push(instance);
            return true;
        }
        shelf.idle.push(instance);
        let awaited = shelf.waiting > 0;
        drop(shelf);
        // The system is asked only where there is somebody to wake.
        if awaited {
            self.pool.changed.notify_one();
        }
        false
    }
}

impl Deref for Taken<'_> {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.instance.as_ref().expect("an instance is taken until it is given back, which ends the borrow")
    }
}

impl DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("an instance is taken until it is given back, which ends the borrow")
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            let mut shelf = self.pool.shelf.lock();
            shelf.taken -= 1;
            shelf.spent.push(instance);
        }
    }
}
