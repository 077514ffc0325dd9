//! A store that several hosts share, which can be out of reach, and where a node may hear late.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reprise::{
    session::SessionId,
    store::{
        Consume, Entry, Fetch, KnownBy, Later, Memory, Notice, NoticeObserver, Published, RecordBytes, Scope, Store,
        Unavailable, Usage,
    },
};

use super::store;

/// What the nodes share.
#[derive(Clone, Default)]
pub struct Shared {
    /// Whether records are handed over sealed, as to a store of a fleet, or as they are.
    sealed: bool,
    records: Arc<Memory>,
    state: Arc<Mutex<State>>,
    /// Seconds since the store was made: the clock that it goes by, which no node sees.
    clock: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    notices: Vec<Notice>,
    nodes: Vec<Member>,
    unreachable: bool,
}

struct Member {
    name: &'static str,
    observer: Option<NoticeObserver>,
    deaf: bool,
}

/// A node's view of it.
pub struct Node {
    shared: Shared,
    name: &'static str,
}

impl Shared {
    /// One that is handed what is sealed.
    pub fn sealed() -> Self {
        Self { sealed: true, ..Self::default() }
    }

    /// The records that it has, as it has them.
    pub fn record(&self, id: &SessionId) -> Option<RecordBytes> {
        self.records.peek(id)
    }

    /// Puts another record in the place of one.
    pub fn replace(&self, id: SessionId, record: &[u8]) {
        self.records.put(
            id,
            Entry { record: RecordBytes::new(record.into()), expires: u64::MAX, ..store::entry(0) },
            0,
        );
    }

    /// Time goes by.
    pub fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// The notices that it has, as it has them.
    pub fn notice_bytes(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().notices.iter().map(|notice| notice.bytes.clone()).collect()
    }

    /// For a node of this name.
    pub fn node(&self, name: &'static str) -> Node {
        self.state.lock().unwrap().nodes.push(Member { name, observer: None, deaf: false });
        Node { shared: self.clone(), name }
    }

    /// From now on, nothing can be published, or it can again.
    pub fn set_reachable(&self, reachable: bool) {
        self.state.lock().unwrap().unreachable = !reachable;
    }

    /// From now on, this node is told nothing, or it is again, at once.
    pub fn set_hearing(&self, name: &str, hears: bool) {
        self.state
            .lock()
            .unwrap()
            .nodes
            .iter_mut()
            .filter(|node| node.name == name)
            .for_each(|node| node.deaf = !hears);
        self.tell();
    }

    /// Forgets all notices, and says so.
    pub fn wipe(&self) {
        self.state.lock().unwrap().notices.clear();
        self.tell();
    }

    /// How many notices it has.
    pub fn notices(&self) -> usize {
        self.state.lock().unwrap().notices.len()
    }

    /// Publishes whatever bytes these are.
    pub fn put_notice(&self, bytes: &[u8], expires: u64) {
        self.state.lock().unwrap().notices.push(Notice { bytes: bytes.into(), expires });
        self.tell();
    }

    fn tell(&self) {
        let (notices, observers) = {
            let state = self.state.lock().unwrap();
            let hearing = state.nodes.iter().filter(|node| !node.deaf);
            (state.notices.clone(), hearing.filter_map(|node| node.observer.clone()).collect::<Vec<_>>())
        };
        observers.iter().for_each(|observer| observer(notices.clone()));
    }
}

impl Store for Node {
    fn scope(&self) -> Scope {
        if self.shared.sealed { Scope::Fleet } else { Scope::Process }
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        let expires = self.shared.now() + entry.expires.saturating_sub(now);
        self.shared.records.put(id, Entry { expires, ..entry }, self.shared.now());
    }

    fn fetch(&self, id: &SessionId, consume: Consume, _now: u64) -> Fetch {
        self.shared.records.fetch(id, consume, self.shared.now())
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        self.shared.records.remove(id)
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.shared.records.peek(id)
    }

    fn publish(&self, notice: Notice, _wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        let shared = self.shared.clone();
        Some(Box::pin(async move {
            if shared.state.lock().unwrap().unreachable {
                return Err(Unavailable("connection refused".into()));
            }
            shared.put_notice(&notice.bytes, notice.expires);
            let state = shared.state.lock().unwrap();
            let nodes = state.nodes.iter().map(|node| KnownBy { node: node.name.into(), knows: !node.deaf, heard: 0 });
            Ok(Published { nodes: nodes.collect() })
        }))
    }

    fn observe_notices(&self, observer: NoticeObserver) {
        let mut state = self.shared.state.lock().unwrap();
        state
            .nodes
            .iter_mut()
            .filter(|node| node.name == self.name)
            .for_each(|node| node.observer = Some(observer.clone()));
    }

    fn notices_age(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn usage(&self) -> Usage {
        self.shared.records.usage()
    }
}
