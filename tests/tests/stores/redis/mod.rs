//! `reprise::store::Redis`, on servers that each test starts for itself.

mod consuming;
mod failover;
mod hostile;
mod invalidations;
mod notices;
mod servers;
mod sessions;
mod tls;
mod trouble;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use reprise::{
    session::SessionId,
    store::{Answer, Consume, Entry, Fetch, Found, Later, Priority, Reach, RecordBytes, Redis, RedisOptions, Store},
};
use reprise_tests::{
    PATIENCE,
    redis::{RedisCluster, RedisSentinel, RedisServer},
    until,
};

/// A time by the nodes' clocks. The servers have one of their own.
const NOW: u64 = 1_000_000;

/// Servers of each kind.
enum Servers {
    Alone(RedisServer),
    Sentinel(RedisSentinel),
    Cluster(RedisCluster),
}

impl Servers {
    fn each() -> [Self; 3] {
        [
            Self::Alone(RedisServer::start()),
            Self::Sentinel(RedisSentinel::start()),
            Self::Cluster(RedisCluster::start()),
        ]
    }

    fn url(&self) -> String {
        match self {
            Self::Alone(server) => server.url(),
            Self::Sentinel(sentinel) => sentinel.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    /// Which of them has a session.
    fn home(&self, id: &SessionId) -> usize {
        match self {
            Self::Alone(_) | Self::Sentinel(_) => 0,
            Self::Cluster(cluster) => cluster.master_of(&key(id)),
        }
    }

    /// How many of them have sessions.
    fn homes(&self) -> usize {
        match self {
            Self::Alone(_) | Self::Sentinel(_) => 1,
            Self::Cluster(cluster) => cluster.masters().len(),
        }
    }
}

/// As patient as the tests are: a busy machine is no slow server.
fn patient(name: &str) -> RedisOptions {
    RedisOptions { node: Some(name.to_owned()), answers_within: PATIENCE, ..RedisOptions::default() }
}

/// A node that is connected.
fn node(url: &str, name: &str) -> Redis {
    connected(Redis::connect(url, patient(name)).unwrap())
}

fn connected(node: Redis) -> Redis {
    until("the node is connected", || find(&node, &id()).is_ok());
    node
}

/// An id that no other session has. It is text, so that tests can name its key.
fn id() -> SessionId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = format!("{:032}", NEXT.fetch_add(1, Relaxed));
    SessionId::try_from(number.as_bytes()).unwrap()
}

/// The key of a session in the store.
fn key(id: &SessionId) -> String {
    format!("reprise:s:{}", std::str::from_utf8(id.as_bytes()).unwrap())
}

/// A session for many uses that has ten minutes.
fn entry() -> Entry {
    Entry {
        record: RecordBytes::new(b"a sealed record".to_vec()),
        expires: NOW + 600,
        single_use: false,
        renews: None,
        since: None,
        priority: Priority::Normal,
        reach: Reach::Fleet,
        prototype: None,
    }
}

fn single_use() -> Entry {
    Entry { single_use: true, ..entry() }
}

/// Puts a session, and waits until it is written.
fn put(node: &Redis, entry: Entry) -> SessionId {
    let id = id();
    node.put(id, entry, NOW);
    written(node);
    id
}

fn written(node: &Redis) {
    until("all is written", || node.usage().bytes == 0);
}

fn fetch(node: &Redis, id: &SessionId, consume: Consume) -> Answer {
    match node.fetch(id, consume, NOW) {
        Fetch::Ready(answer) => answer,
        Fetch::Pending(answer) => wait(answer),
    }
}

fn find(node: &Redis, id: &SessionId) -> Answer {
    fetch(node, id, Consume::Never)
}

fn take(node: &Redis, id: &SessionId) -> Option<Found> {
    fetch(node, id, Consume::Always).unwrap()
}

/// Waits for an answer as a host without a runtime does.
fn wait<T>(mut answer: Later<T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        assert!(Instant::now() < deadline, "no answer within {PATIENCE:?}");
        thread::park_timeout(Duration::from_secs(1));
    }
}
