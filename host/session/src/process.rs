//! What belongs to one process, and which process this is: without a system call where forks are watched, for a forked child
//! is told apart several times in each handshake.

use std::{
    fmt, mem, process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use arc_swap::{ArcSwapOption, Guard};

/// This process's id; 0 as long as nobody watches for forks.
static CURRENT: AtomicU32 = AtomicU32::new(0);

/// The id of this process, `getpid`. Asked of the system as long as nobody watches for forks, and remembered then.
pub fn id() -> u32 {
    match CURRENT.load(Relaxed) {
        0 => process::id(),
        id => id,
    }
}

/// Remembers the id of this process. Whoever calls it promises to call it again in each forked child, before anything else
/// runs there. Async-signal-safe, as that place requires: `getpid` and a store.
pub fn remember() {
    CURRENT.store(process::id(), Relaxed);
}

/// A value that belongs to the process that made it.
///
/// Threads do not survive a fork, and a lock that one of them held at the fork is held for ever. So a child must not
/// use what its parent shares with threads, wait for them, or drop it. A child gets none of it here, and dropping this
/// leaks it there, untouched. Where the child needs one of its own, [`PerProcess::here`] makes it.
pub struct PerProcess<T> {
    process: u32,
    /// Always there until it is taken or dropped.
    value: Option<T>,
}

impl<T> PerProcess<T> {
    /// A value of this process.
    pub fn new(value: T) -> Self {
        Self { process: id(), value: Some(value) }
    }

    /// As it is found in a forked child, for tests that do not fork.
    #[doc(hidden)]
    pub fn of_a_parent(value: T) -> Self {
        Self { process: 0, value: Some(value) }
    }

    /// Whether this is the process that made it.
    pub fn is_here(&self) -> bool {
        self.process == id()
    }

    /// The value; none in a forked child.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    /// The value, in a forked child too: as it was at the fork. Only for what takes no lock and waits for no thread.
    pub fn as_it_was(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value; none in a forked child, where it is leaked.
    pub fn into_inner(mut self) -> Option<T> {
        if self.is_here() { self.value.take() } else { None }
    }

    /// What is in `slot` of this process. In one that has none, because it forked or because nothing was started yet, that is what
    /// `start` makes; a parent's is leaked. Of several threads that start one at once, the first has it in the slot, and what
    /// the others made is dropped.
    ///
    /// # Errors
    /// What `start` says.
    pub fn here<E>(slot: &ArcSwapOption<Self>, start: impl FnOnce() -> Result<T, E>) -> Result<Arc<Self>, E> {
        let found = slot.load();
        if let Some(own) = found.as_ref().filter(|found| found.is_here()) {
            return Ok(Arc::clone(own));
        }
        let started = Arc::new(Self::new(start()?));
        let before = slot.compare_and_swap(&*found, Some(Arc::clone(&started)));
        match Guard::into_inner(before) {
            Some(first) if first.is_here() => Ok(first),
            _ => Ok(started),
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            mem::forget(self.value.take());
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => value.fmt(f),
            None => f.write_str("of another process"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_value_is_its_process_s_until_dropped() {
        let value = Arc::new(());
        let own = PerProcess::new(Arc::clone(&value));
        assert!(own.is_here() && own.get().is_some() && own.as_it_was().is_some());
        drop(own);
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(PerProcess::new(Arc::clone(&value)).into_inner().is_some());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_parents_value_is_left_alone() {
        let value = Arc::new(());
        let parents = || PerProcess::of_a_parent(Arc::clone(&value));
        assert!(!parents().is_here() && parents().get().is_none() && parents().as_it_was().is_some());
        assert!(parents().into_inner().is_none());
        assert!(Arc::strong_count(&value) > 4, "each of them is leaked");
    }

    #[test]
    fn a_slot_is_filled_once_in_each_process() {
        let slot = ArcSwapOption::from_pointee(PerProcess::of_a_parent(1));
        let here = |value| *PerProcess::here(&slot, || Ok::<_, Infallible>(value)).unwrap().get().unwrap();
        assert_eq!((here(2), here(3)), (2, 2));
        assert_eq!(PerProcess::here(&ArcSwapOption::empty(), || Err::<i32, _>("no")).unwrap_err(), "no");
        // Another thread is first, while this one starts.
        let slot = ArcSwapOption::empty();
        let second = PerProcess::here(&slot, || {
            slot.store(Some(Arc::new(PerProcess::new(1))));
            Ok::<_, Infallible>(2)
        });
        assert_eq!(second.unwrap().get(), Some(&1));
    }
}
