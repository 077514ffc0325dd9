//! Locks, and threads that wait for each other.
//!
//! They are std's, which on Linux are nothing but words in memory that the system waits at. parking_lot keeps those who
//! wait in a table of the process, and finds them on their stacks: in a forked child the table still has the parent's
//! threads, whose stacks glibc gives to the child's, and a queue there goes astray. Whatever waits here at a fork is
//! forgotten in the child.
//!
//! A thread that panicked with a lock in its hands does not poison it: what these guard is whole between any two
//! statements, or says itself that it is lost.

use std::{
    sync::{self, PoisonError, TryLockError},
    time::{Duration, Instant},
};

pub use std::sync::MutexGuard;

/// A mutual exclusion ([`std::sync::Mutex`]) that no panic poisons.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// One that is free.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// What it guarded.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until nobody else has it. In a forked child that is for ever where a thread of the parent had it at the fork.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None where somebody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// None where somebody has it for all of `patience`. It polls, so it is for locks that are free as good as always.
    pub fn try_lock_for(&self, patience: Duration) -> Option<MutexGuard<'_, T>> {
        let until = Instant::now() + patience;
        loop {
            let guard = self.try_lock();
            if guard.is_some() || Instant::now() >= until {
                return guard;
            }
            std::thread::yield_now();
        }
    }
}

/// What threads wait at until another notifies them ([`std::sync::Condvar`]).
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// One at which nobody waits.
    pub const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    /// Waits for a notification, or less: ask again what is waited for.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a notification until then, or less. Whether it is that late.
    pub fn wait_until<'a, T>(&self, guard: MutexGuard<'a, T>, until: Instant) -> (MutexGuard<'a, T>, bool) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (guard, true);
        }
        let (guard, waited) = self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
        (guard, waited.timed_out())
    }

    /// Waits for as long as `condition` holds.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        self.0.wait_while(guard, condition).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, sync::Arc, thread};

    use super::*;

    #[test]
    fn a_panic_leaves_a_lock_usable() {
        let lock = Arc::new(Mutex::new(1));
        let held = Arc::clone(&lock);
        let panicked = thread::spawn(move || {
            let mut value = held.lock();
            *value = 2;
            panic::resume_unwind(Box::new(()));
        });
        panicked.join().unwrap_err();
        assert_eq!(*lock.lock(), 2);
        assert_eq!(lock.try_lock().map(|value| *value), Some(2));
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), 2);
    }

    #[test]
    fn one_that_somebody_has_is_not_waited_for_longer_than_said() {
        let lock = Mutex::new(());
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
        drop(held);
        assert!(lock.try_lock_for(Duration::ZERO).is_some());
    }

    #[test]
    fn who_waits_is_woken_or_told_that_it_is_late() {
        let (lock, changed) = (Mutex::new(false), Condvar::new());
        assert!(changed.wait_until(lock.lock(), Instant::now()).1);
        thread::scope(|scope| {
            scope.spawn(|| {
                *lock.lock() = true;
                changed.notify_all();
            });
            let until = Instant::now() + Duration::from_secs(60);
            let mut done = lock.lock();
            while !*done {
                let late;
                (done, late) = changed.wait_until(done, until);
                assert!(!late, "nobody wakes it");
            }
        });
    }
}
