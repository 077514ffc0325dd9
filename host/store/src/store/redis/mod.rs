//! The store that a fleet shares: Redis or Valkey, alone, under Sentinels, or as a Cluster.
//!
//! # Layout
//!
//! - `address`: where the servers are, as a URL says it
//! - `worker`: the thread that talks to the server; `link`: the connection, kept
//! - `dial`: how it is made, `sentinel` and `cluster`: to whom, `bounds`: what the server may say; `news`: what it pushes
//! - `sessions`: put, fetched, removed; `value`: what stands under a session's key
//! - `notices`: revocations, read before anything is given out
//! - `names`: what keys are called; `script`, `scripts/`: what runs in the server
//!
//! # A session that is consumed is consumed once
//!
//! Each fetch is one script, and a server runs one at a time. That does for one server. But a server is replaced: by a replica that
//! had not heard yet that a session is gone, by itself started again from a file of yesterday, by the other half of a network that
//! is cut in two; a master that was replaced comes back as a replica, copies what it had itself lost, and is promoted again. In
//! each a session that was consumed is there again, and no waiting for replicas (`WAIT`) makes it impossible.
//!
//! So each session is stamped, by the script that writes it, with the *history* that the server was writing: its replication id
//! (`master_replid` of `INFO replication`). A server begins a new one when it starts and whenever it is promoted, at random, and is a
//! master under one id for one uninterrupted time. What is to be consumed is given out only by a master that is still writing that
//! history. There it was never taken out of the data and put back; every other copy has another history around it, and is good for
//! nothing. Redis' `run_id` would not do: a master that was demoted and promoted again has the same.
//!
//! In a Cluster, slots move as well, and a migration that broke off can leave a copy at the other node, which may move back. Each move
//! of a slot gives the node that receives it a new epoch, so there the stamp has the epoch (`cluster_my_epoch`), too.
//!
//! What that costs: sessions for single use do not survive a failover, a slot's move, nor the arrival of a master's first replica, for
//! which it begins a new history; their clients do a full handshake. Sessions
//! for many uses survive both, but are not consumed for early data afterwards. A virtual machine that is put back to a
//! snapshot with its memory goes unnoticed.
//!
//! A command to write a session is never sent again when it is not known whether it was done; it would bring back what was consumed.

mod address;
pub mod bounds;
mod cluster;
mod dial;
mod link;
mod names;
mod news;
mod notices;
mod script;
mod sentinel;
mod sessions;
mod value;
mod worker;

use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reprise_session::{
    process::{self, PerProcess},
    session::SessionId,
    vital::Vital,
};
use tokio::sync::oneshot;

use self::{
    address::Address,
    sessions::Write,
    worker::{Observers, Request, Worker},
};
use super::{
    Answer, Consume, Entry, Fetch, Health, InvalidationObserver, Later, Notice, NoticeObserver, Published, RecordBytes,
    Scope, Store, Unavailable, Usage, wait,
};

/// What a session takes in the queue beside its record.
const OVERHEAD: usize = 256;

/// While the store was not heard from for so long, nobody waits for it to peek.
const UNHEARD: Duration = Duration::from_secs(1);

/// Keeps sessions in Redis or Valkey, for every host that uses the same servers and the same namespace.
///
/// Needs Redis 6 or later. A thread of its own talks to the servers; it connects in the background and connects again, for as long
/// as the store lives, so that servers which are not there cost misses and nothing else. In a forked child it starts anew.
///
/// **Time** is the server's: each session has a time to live of what remains when it is written.
///
/// **Writing** is never waited for, but what a host has put it finds. What is not written, for more comes than is taken or for
/// the server fails or is full, is counted in [`Usage::dropped`].
///
/// **Removals** are told to the other nodes (`PUBLISH`), and so is the consumption of what may be copied: a session for
/// many uses that was taken for early data. Who is not connected at that moment misses it; its copy of such a session stays until it
/// expires. Nothing for single use is ever copied.
///
/// **Notices** that the servers lose are told to them again by every node that knows them.
pub struct Redis {
    address: Address,
    options: RedisOptions,
    observers: Arc<Observers>,
    worker: ArcSwapOption<PerProcess<Arc<Worker>>>,
}

/// How a [`Redis`] store behaves.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Whose sessions these are: every key is called `namespace:…`. Letters, digits, `-`, `_`, `.`, and at most 64 of them.
    pub namespace: String,
    /// What this node is called where it says which notices it knows; by default the machine's name and the process's number.
    pub node: Option<String>,
    /// How long the server may take to answer before a question counts as failed. More than the look-ups' deadline, after which
    /// nobody waits for the answer any more.
    pub answers_within: Duration,
    /// How many sessions may wait to be written.
    pub queue_entries: usize,
    /// How many bytes they may take.
    pub queue_bytes: usize,
    /// How often the server is asked whether there are new notices.
    pub poll: Duration,
    /// A node that was not heard from for so long is no longer asked for.
    pub forgets_nodes_after: Duration,
}

impl Default for RedisOptions {
    /// In the namespace `reprise`: answers within 250 ms, a queue of 65,536 sessions and 64 MiB, notices four times a second,
    /// nodes forgotten after a minute.
    fn default() -> Self {
        Self {
            namespace: "reprise".into(),
            node: None,
            answers_within: Duration::from_millis(250),
            queue_entries: 1 << 16,
            queue_bytes: 64 << 20,
            poll: Duration::from_millis(250),
            forgets_nodes_after: Duration::from_secs(60),
        }
    }
}

impl RedisOptions {
    fn node_name(&self) -> String {
        self.node.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
            let host = host.ok().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
            let host = if host.trim().is_empty() { "host" } else { host.trim() };
            format!("{host}/{}", process::id())
        })
    }
}

/// A store that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The URL makes no sense.
    #[error(
        "`{url}` is no address of Redis servers: {why}; expected one like `redis://user:password@cache.example:6379/0`, \
         `redis+sentinel://one:26379,two:26379/MASTER` or `redis+cluster://one:6379,two:6379`, with `rediss` for TLS"
    )]
    Url {
        /// The URL, without what may be a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The namespace has characters that it cannot have.
    #[error("`{0}` is no namespace: expected 1 to 64 letters, digits, `-`, `_` or `.`, such as `shop-eu`")]
    Namespace(String),
    /// There is no thread for it.
    #[error("the session store's thread does not start: {0}")]
    Thread(#[source] io::Error),
}

impl Redis {
    /// A store in the servers at `url`: `redis://[user[:password]@]host[:port][/db]`,
    /// `redis+sentinel://[user[:password]@]host[:port],host[:port]/MASTER[/db]`, or
    /// `redis+cluster://[user[:password]@]host[:port],host[:port]`, each also with `rediss` for TLS, by the system's CAs (or
    /// those of `SSL_CERT_FILE`). It connects in the background: that a server cannot be reached is no error.
    ///
    /// # Errors
    /// The URL or the namespace makes no sense, or there is no thread for it.
    pub fn connect(url: &str, options: RedisOptions) -> Result<Self, RedisError> {
        let address = Address::parse(url)?;
        Self::check_namespace(&options.namespace)?;
        let observers = Arc::<Observers>::default();
        let worker = PerProcess::new(Arc::new(Worker::start(&address, &options, observers.clone())?));
        Ok(Self { address, options, observers, worker: ArcSwapOption::from_pointee(worker) })
    }

    /// Whether [`Redis::connect`] would take this URL.
    ///
    /// # Errors
    /// The URL makes no sense; the error says why, without what may be a password.
    pub fn check_url(url: &str) -> Result<(), RedisError> {
        Address::parse(url).map(drop)
    }

    /// Whether [`Redis::connect`] would take this namespace: 1 to 64 letters, digits, `-`, `_` or `.`.
    ///
    /// # Errors
    /// It would not.
    pub fn check_namespace(name: &str) -> Result<(), RedisError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = (1..=64).contains(&name.len()) && name.chars().all(allowed);
        if fits { Ok(()) } else { Err(RedisError::Namespace(name.into())) }
    }

    /// The thread of this process: a forked child starts one of its own. None if none starts.
    fn worker(&self) -> Option<Arc<Worker>> {
        let start = || Worker::start(&self.address, &self.options, self.observers.clone()).map(Arc::new);
        let worker = PerProcess::here(&self.worker, start);
        let worker = worker.inspect_err(|error| tracing::error!(%error, "sessions are not shared after a fork"));
        worker.ok()?.get().cloned()
    }

    /// The answer to a request, wherever it is waited for.
    fn ask<T, E>(&self, request: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Request) -> Later<Result<T, E>>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        if let Some(worker) = self.worker() {
            worker.ask(request(sender));
        }
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(Unavailable("its thread has ended".into()).into())) })
    }
}

impl Store for Redis {
    fn scope(&self) -> Scope {
        Scope::Fleet
    }

    fn kind(&self) -> &'static str {
        "redis"
    }

    /// A session that comes without time left is not written, and one that comes while the queue is full is dropped.
    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        let left = entry.expires.saturating_sub(now);
        let Some(worker) = self.worker().filter(|_| left > 0) else { return };
        let Some(place) = worker.shared.queue.place(entry.record.len() + OVERHEAD) else { return };
        let since = Instant::now();
        let Some(until) = since.checked_add(Duration::from_secs(left)) else { return };
        worker.ask(Request::Put(Write {
            id,
            header: value::header(&entry),
            record: entry.record,
            since,
            until,
            _place: place,
        }));
    }

    fn fetch(&self, id: &SessionId, consume: Consume, _now: u64) -> Fetch {
        let id = *id;
        Fetch::Pending(self.ask(|answer| Request::Fetch { id, consume, answer }))
    }

    /// It goes in the background, in the same bounded queue as what is put, and what it was is not known without waiting. What a server that takes over from another had
    /// not heard of by then may be there again.
    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        let worker = self.worker()?;
        let place = worker.shared.queue.place(OVERHEAD)?;
        worker.ask(Request::Remove(*id, place));
        None
    }

    /// Waits for the server, no longer than for any answer of its.
    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        if self.worker()?.shared.notices.silence() > UNHEARD {
            return None;
        }
        let id = *id;
        let mut answer: Later<Answer> = self.ask(|answer| Request::Peek { id, answer });
        wait::until(Instant::now() + self.options.answers_within, answer.as_mut())
            .ok()
            .flatten()
            .map(|found| found.record)
    }

    fn publish(&self, notice: Notice, wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        Some(self.ask(|answer| Request::Publish { notice, wait, answer }))
    }

    /// The first observer stays.
    fn observe_notices(&self, observer: NoticeObserver) {
        if self.observers.notices.set(observer).is_ok()
            && let Some(worker) = self.worker()
        {
            worker.shared.notices.tell_again();
        }
    }

    fn observe_invalidations(&self, observer: InvalidationObserver) {
        self.observers.invalidations.rcu(|observers| {
            let mut observers = Vec::clone(observers);
            observers.push(observer.clone());
            observers
        });
    }

    fn notices_age(&self) -> Option<Duration> {
        self.worker().map(|worker| worker.shared.notices.age())
    }

    fn vitals(&self) -> Vec<Vital> {
        self.worker().map(|worker| worker.shared.vitals.list()).unwrap_or_default()
    }

    /// What the question for the notices came to, which is asked several times a second and is written down there.
    fn health(&self) -> Health {
        let Some(worker) = self.worker() else { return Health::Fails("its thread does not start".into()) };
        worker.shared.notices.health()
    }

    /// How many sessions the servers hold is not known without asking them, and how many of those are of this namespace not even
    /// then: 0. The bytes are those that wait here to be written.
    fn usage(&self) -> Usage {
        let Some(worker) = self.worker() else { return Usage::default() };
        let (bytes, dropped) = worker.shared.queue.counts();
        Usage { bytes, dropped, ..Usage::default() }
    }
}

impl Drop for Redis {
    /// Gives what waits to be written half a second.
    fn drop(&mut self) {
        let worker = self.worker.swap(None).and_then(Arc::into_inner).and_then(PerProcess::into_inner);
        if let Some(worker) = worker {
            worker.end();
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address.to_string()).field("options", &self.options).finish()
    }
}

/// Bytes that nobody else has. From OpenSSL, which cannot do without either.
fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    if openssl::rand::rand_bytes(&mut bytes).is_err() {
        tracing::error!("OpenSSL has no random bytes");
    }
    bytes
}
