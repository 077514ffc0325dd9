//! What was asked of a store.

use std::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use reprise_session::session::{Record, SessionId};
use reprise_store::store::Entry;

/// How often a store was asked what, and what it was given.
#[derive(Default)]
pub struct Seen {
    puts: AtomicUsize,
    fetches: AtomicUsize,
    removes: AtomicUsize,
    peeks: AtomicUsize,
    /// The last entry put, as the store has it.
    pub last: Mutex<Option<(SessionId, Entry)>>,
    /// The threads that asked for `peek` or `remove`.
    pub removers: Mutex<Vec<String>>,
    asked: (Mutex<()>, Condvar),
}

impl Seen {
    /// How often something was put.
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::SeqCst)
    }

    /// How often something was fetched.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// How often something was removed.
    pub fn removes(&self) -> usize {
        self.removes.load(Ordering::SeqCst)
    }

    /// How often something was read for `remove-session`.
    pub fn peeks(&self) -> usize {
        self.peeks.load(Ordering::SeqCst)
    }

    /// The record put last.
    pub fn record(&self) -> Record {
        Record::decode(&self.entry().record).unwrap()
    }

    /// The entry put last.
    pub fn entry(&self) -> Entry {
        self.last.lock().unwrap().as_ref().expect("a session was put").1.clone()
    }

    /// Waits until `peek` was called `times` times: until the worker has begun with that many sessions given up.
    pub fn wait_for_peeks(&self, times: usize) {
        self.wait_for(times, || self.peeks());
    }

    /// Waits until `remove` was called `times` times.
    pub fn wait_for_removes(&self, times: usize) {
        self.wait_for(times, || self.removes());
    }

    fn wait_for(&self, times: usize, counted: impl Fn() -> usize) {
        let (lock, asked) = &self.asked;
        let waited = asked.wait_timeout_while(lock.lock().unwrap(), Duration::from_secs(30), |()| counted() < times);
        assert!(!waited.unwrap().1.timed_out(), "{} of {times} sessions given up reached the worker", counted());
    }

    pub(super) fn put(&self, id: SessionId, entry: &Entry) {
        *self.last.lock().unwrap() = Some((id, entry.clone()));
    }

    pub(super) fn was_put(&self) {
        self.puts.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fetch(&self) {
        self.fetches.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn remove(&self) {
        self.remover();
        self.count(&self.removes);
    }

    pub(super) fn peek(&self) {
        self.remover();
        self.count(&self.peeks);
    }

    fn remover(&self) {
        let name = thread::current().name().unwrap_or("?").to_owned();
        self.removers.lock().unwrap().push(name);
    }

    fn count(&self, counter: &AtomicUsize) {
        let _held = self.asked.0.lock().unwrap();
        counter.fetch_add(1, Ordering::SeqCst);
        self.asked.1.notify_all();
    }
}
