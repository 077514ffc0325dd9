//! A store that counts what is asked of it.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reprise::{
    Prototype,
    session::{Record, SessionId},
    store::{Consume, Entry, Fetch, Memory, RecordBytes, RemovalObserver, Scope, Store, Usage},
};

/// Counts, in front of a memory store.
#[derive(Clone, Default)]
pub struct Spy {
    inner: Arc<Memory>,
    pub seen: Arc<Seen>,
}

type Meanwhile = dyn Fn() + Send + Sync;
type Rewrite = dyn Fn(&mut Record, &mut Entry) + Send + Sync;

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
    /// Changes what is put: a store that lies.
    pub rewrite: Mutex<Option<Box<Rewrite>>>,
    /// Happens during every fetch.
    pub meanwhile: Mutex<Option<Box<Meanwhile>>>,
    asked: (Mutex<()>, Condvar),
}

impl Spy {
    /// From now on, what is put is changed like this; decoded anew on every look-up, for its prototype is left out.
    pub fn rewriting(&self, rewrite: impl Fn(&mut Record, &mut Entry) + Send + Sync + 'static) {
        *self.seen.rewrite.lock().unwrap() = Some(Box::new(rewrite));
    }

    /// From now on, this happens during every fetch.
    pub fn meanwhile(&self, happens: impl Fn() + Send + Sync + 'static) {
        *self.seen.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }
}

impl Seen {
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::SeqCst)
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub fn removes(&self) -> usize {
        self.removes.load(Ordering::SeqCst)
    }

    pub fn peeks(&self) -> usize {
        self.peeks.load(Ordering::SeqCst)
    }

    /// The record put last.
    pub fn record(&self) -> Record {
        Record::decode(&self.last.lock().unwrap().as_ref().expect("a session was put").1.record).unwrap()
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

    fn count(&self, counter: &AtomicUsize) {
        let _held = self.asked.0.lock().unwrap();
        counter.fetch_add(1, Ordering::SeqCst);
        self.asked.1.notify_all();
    }

    fn remover(&self) {
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        self.removers.lock().unwrap().push(name);
    }
}

impl Store for Spy {
    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    fn put(&self, id: SessionId, mut entry: Entry, now: u64) {
        if let Some(rewrite) = &*self.seen.rewrite.lock().unwrap() {
            let mut record = Record::decode(&entry.record).unwrap();
            rewrite(&mut record, &mut entry);
            entry.record = record.encode().unwrap();
            entry.prototype = None;
        }
        *self.seen.last.lock().unwrap() = Some((id, entry.clone()));
        self.inner.put(id, entry, now);
        self.seen.puts.fetch_add(1, Ordering::SeqCst);
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        self.seen.fetches.fetch_add(1, Ordering::SeqCst);
        if let Some(happens) = &*self.seen.meanwhile.lock().unwrap() {
            happens();
        }
        self.inner.fetch(id, consume, now)
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        self.seen.remover();
        let removed = self.inner.remove(id);
        self.seen.count(&self.seen.removes);
        removed
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.seen.remover();
        let record = self.inner.peek(id);
        self.seen.count(&self.seen.peeks);
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
