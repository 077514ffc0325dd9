//! What the linear memories of all policies take together.
//!
//! Every instance has a share of it from before it is made, for what it is expected to begin with,
//! and more where it has grown beyond. A share is refused to an instance that would be one more;
//! never to one that is in a call, nor to the only one of a live policy: calls do not fail for what
//! others take. Where it has come to more than there is to be, instances that have grown and are
//! not the last of their policy are replaced by fresh ones.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// What is taken, and the most that is to be.
#[derive(Debug)]
pub(super) struct Ledger {
    taken: AtomicUsize,
    most: usize,
}

/// What one instance takes. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    ledger: Arc<Ledger>,
    bytes: usize,
}

impl Ledger {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most })
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.taken() > self.most
    }

    /// So many bytes, if they are there.
    pub(super) fn share(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.most);
        self.taken.fetch_update(Relaxed, Relaxed, fits).ok()?;
        Some(Share { ledger: Arc::clone(self), bytes })
    }

    /// So many bytes, whether they are there or not.
    pub(super) fn share_anyway(self: &Arc<Self>, bytes: usize) -> Share {
        self.taken.fetch_add(bytes, Relaxed);
        Share { ledger: Arc::clone(self), bytes }
    }
}

impl Share {
    /// It has come to so many bytes.
    pub(super) fn cover(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.ledger.taken.fetch_add(bytes - self.bytes, Relaxed);
            self.bytes = bytes;
        }
    }

    /// All of it, for what comes in its place: there is no moment in which somebody else has it.
    pub(super) fn take(&mut self) -> Self {
        Self { ledger: Arc::clone(&self.ledger), bytes: mem::take(&mut self.bytes) }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.ledger.taken.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_as_far_as_there_is_room() {
        let ledger = Ledger::new(100);
        let first = ledger.share(60).unwrap();
        assert!(ledger.share(41).is_none() && ledger.share(usize::MAX).is_none());
        let second = ledger.share(40).unwrap();
        assert_eq!((ledger.taken(), ledger.is_exceeded()), (100, false));
        drop(first);
        assert_eq!(ledger.taken(), 40);
        drop(second);
        assert_eq!(ledger.taken(), 0);
    }

    #[test]
    fn what_grows_or_has_to_be_is_counted_beyond_what_there_is() {
        let ledger = Ledger::new(100);
        let mut grown = ledger.share(10).unwrap();
        grown.cover(5);
        assert_eq!(ledger.taken(), 10, "it was given more than it came to");
        grown.cover(110);
        let _forced = ledger.share_anyway(50);
        assert_eq!((ledger.taken(), ledger.is_exceeded()), (160, true));
        let successor = grown.take();
        drop(grown);
        assert_eq!(ledger.taken(), 160);
        drop(successor);
        assert_eq!((ledger.taken(), ledger.is_exceeded()), (50, false));
    }
}
