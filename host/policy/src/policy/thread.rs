//! A thread that ends with its owner.

use std::{
    io,
    thread::{self, JoinHandle},
};

use reprise_session::{
    process::PerProcess,
    vital::{Ended, Heart, Vitals},
};

/// A thread that is joined when its owner is dropped; the owner has told it to stop by then. Until it was told, it
/// lives ([`reprise_session::vital`]).
///
/// Not in a process that forked since: threads do not survive a fork, and joining one that is not there would never end. Not
/// by the thread itself either, which may be the last to hold its owner.
pub(super) struct OwnedThread {
    handle: Option<PerProcess<JoinHandle<()>>>,
}

impl OwnedThread {
    pub(super) fn spawn(
        vitals: &Vitals,
        name: &str,
        body: impl FnMut(&Heart) -> Ended + Send + 'static,
    ) -> io::Result<Self> {
        let handle = vitals.thread(name, body)?;
        Ok(Self { handle: Some(PerProcess::new(handle)) })
    }
}

impl Drop for OwnedThread {
    fn drop(&mut self) {
        // In a forked child none: even detaching would be a call about a thread that is not there.
        let Some(handle) = self.handle.take().and_then(PerProcess::into_inner) else { return };
        if handle.thread().id() != thread::current().id() && handle.join().is_err() {
            tracing::error!("a thread of the policy runtime panicked; report this as a bug of Reprise");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    };

    use super::*;

    #[test]
    fn a_thread_is_over_when_its_owner_is_gone() {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let body = move |_: &Heart| {
            ends.store(true, Ordering::Release);
            Ended::Told
        };
        drop(OwnedThread::spawn(&Vitals::default(), "test", body).unwrap());
        assert!(over.load(Ordering::Acquire));
    }

    #[test]
    fn a_thread_from_before_a_fork_is_not_waited_for() {
        let (end, ended) = mpsc::channel::<()>();
        let body = move |_: &Heart| Ended::told_if(ended.recv().is_err());
        // Never to end.
        let handle = Vitals::default().thread("test", body).unwrap();
        drop(OwnedThread { handle: Some(PerProcess::of_a_parent(handle)) });
        drop(end);
    }

    #[test]
    fn a_thread_that_is_the_last_to_hold_itself_does_not_wait_for_itself() {
        let (give, given) = mpsc::channel::<OwnedThread>();
        let (done, finished) = mpsc::channel::<()>();
        let mut done = Some(done);
        let thread = OwnedThread::spawn(&Vitals::default(), "test", move |_| {
            drop(given.recv());
            drop(done.take());
            Ended::Told
        });
        give.send(thread.unwrap()).unwrap();
        assert!(finished.recv().is_err(), "it went on, and ended");
    }
}
