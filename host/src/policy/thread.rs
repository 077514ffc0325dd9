//! A thread that ends with its owner.

use std::{
    io, mem, process,
    thread::{self, Builder, JoinHandle},
};

/// A thread that is joined when its owner is dropped; the owner has told it to stop by then.
///
/// Not in a process that forked since: threads do not survive a fork, and joining one that is not there would never end. Not
/// by the thread itself either, which may be the last to hold its owner.
pub(super) struct OwnedThread {
    process: u32,
    handle: Option<JoinHandle<()>>,
}

impl OwnedThread {
    pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let handle = Builder::new().name(name.into()).spawn(body)?;
        Ok(Self { process: process::id(), handle: Some(handle) })
    }
}

impl Drop for OwnedThread {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        if self.process != process::id() {
            // Even detaching would be a call about a thread that is not there.
            return mem::forget(handle);
        }
        if handle.thread().id() != thread::current().id() && handle.join().is_err() {
            tracing::error!("a thread of the policy runtime panicked; report this as a bug of Reprise");
        }
    }
}
