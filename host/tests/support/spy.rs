//! A store that counts what is asked of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use reprise::{
    Prototype,
    session::SessionId,
    store::{Consume, Entry, Fetch, Memory, RecordBytes, RemovalObserver, Store, Usage},
};

/// Counts, in front of a memory store.
#[derive(Clone, Default)]
pub struct Spy {
    inner: Arc<Memory>,
    pub seen: Arc<Seen>,
}

#[derive(Default)]
pub struct Seen {
    pub puts: AtomicUsize,
    pub fetches: AtomicUsize,
    pub removes: AtomicUsize,
    pub peeks: AtomicUsize,
    /// The last entry put.
    pub last: Mutex<Option<(SessionId, Entry)>>,
    /// The threads that asked for `peek` or `remove`.
    pub removers: Mutex<Vec<String>>,
}

impl Seen {
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::SeqCst)
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn remover(&self) {
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        self.removers.lock().unwrap().push(name);
    }
}

impl Store for Spy {
    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        *self.seen.last.lock().unwrap() = Some((id, entry.clone()));
        self.inner.put(id, entry, now);
        self.seen.puts.fetch_add(1, Ordering::SeqCst);
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        self.seen.fetches.fetch_add(1, Ordering::SeqCst);
        self.inner.fetch(id, consume, now)
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        self.seen.remover();
        let removed = self.inner.remove(id);
        self.seen.removes.fetch_add(1, Ordering::SeqCst);
        removed
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.seen.remover();
        let record = self.inner.peek(id);
        self.seen.peeks.fetch_add(1, Ordering::SeqCst);
        record
    }

    fn keep_prototype(&self, id: &SessionId, prototype: Prototype) {
        self.inner.keep_prototype(id, prototype);
    }

    fn maintain(&self, now: u64) {
        self.inner.maintain(now);
    }

    fn observe_removals(&self, observer: RemovalObserver) {
        self.inner.observe_removals(observer);
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }
}
