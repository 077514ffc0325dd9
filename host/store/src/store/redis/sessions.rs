//! Sessions: written behind, found and consumed by one script, removed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use redis::{RedisError, RedisResult, Value};
use reprise_session::session::SessionId;
use tokio::{sync::watch, time::sleep};

use super::{
    link::{self, Again},
    notices::{Seen, version_of},
    script,
    value::Fetched,
    worker::Shared,
};
use crate::store::{Answer, Consume, RecordBytes, Unavailable};

/// How long what is to be written waits for a server that takes it: about as long as one takes over from another.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause before what a server has refused for now is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// A session on its way to the server.
pub struct Write {
    pub id: SessionId,
    pub header: [u8; 2],
    pub record: RecordBytes,
    /// When it was put, and when it stops resuming.
    pub since: Instant,
    pub until: Instant,
    /// Its place in the queue, until it is written.
    pub _place: Place,
}

/// What waits to be written, bounded.
pub struct Queue {
    entries: usize,
    bytes: usize,
    waiting_entries: AtomicUsize,
    waiting_bytes: AtomicUsize,
    dropped: AtomicU64,
}

/// A place in the queue, given back when it is dropped.
pub struct Place {
    queue: Arc<Queue>,
    bytes: usize,
}

impl Queue {
    pub fn new(entries: usize, bytes: usize) -> Self {
        Self {
            entries,
            bytes,
            waiting_entries: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// A place for so many bytes; none, and counted, if there is none.
    pub fn place(self: &Arc<Self>, bytes: usize) -> Option<Place> {
        let entries = self.waiting_entries.fetch_add(1, Relaxed);
        let before = self.waiting_bytes.fetch_add(bytes, Relaxed);
        let place = Place { queue: Arc::clone(self), bytes };
        if entries >= self.entries || before.saturating_add(bytes) > self.bytes {
            self.drop_one();
            return None;
        }
        Some(place)
    }

    /// One that was put is not written.
    pub fn drop_one(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// Bytes that wait, and sessions that were put and not written.
    pub fn counts(&self) -> (u64, u64) {
        (self.waiting_bytes.load(Relaxed) as u64, self.dropped.load(Relaxed))
    }

    pub fn is_empty(&self) -> bool {
        self.waiting_entries.load(Relaxed) == 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting_entries.fetch_sub(1, Relaxed);
        self.queue.waiting_bytes.fetch_sub(self.bytes, Relaxed);
    }
}

/// Sessions that something is being done to. What comes for one of them waits until that is done,
/// so that what a node has put it finds, and what it has removed it does not. All answers are the
/// server's all the same, so that a session is consumed there only.
#[derive(Default)]
pub struct Underway(HashMap<SessionId, (u64, watch::Receiver<()>)>, u64);

/// Held for as long as it is done; what waits for it goes on when it is dropped.
pub struct Doing {
    number: u64,
    _done: watch::Sender<()>,
}

impl Underway {
    /// What is being done to `id`, to be waited for.
    pub fn with(&self, id: &SessionId) -> Option<watch::Receiver<()>> {
        self.0.get(id).map(|(_, done)| done.clone())
    }

    /// From now on, something is done to `id`.
    pub fn begin(&mut self, id: SessionId) -> Doing {
        let (done, receiver) = watch::channel(());
        self.1 += 1;
        self.0.insert(id, (self.1, receiver));
        Doing { number: self.1, _done: done }
    }

    /// It is done.
    pub fn end(&mut self, id: &SessionId, doing: Doing) {
        if self.0.get(id).is_some_and(|(current, _)| *current == doing.number) {
            self.0.remove(id);
        }
    }
}

/// Waits for what is done before.
pub async fn after(before: Option<watch::Receiver<()>>) {
    if let Some(mut before) = before {
        // An error, for nothing is ever sent.
        let _ = before.changed().await;
    }
}

impl Shared {
    /// Writes a session, or counts it as dropped.
    pub async fn write(&self, write: &Write) {
        let deadline = write.since + PATIENCE;
        let key = self.names.session(&write.id);
        let written = loop {
            if !self.link.connected(deadline.saturating_duration_since(Instant::now())).await {
                break Err(link::not_connected());
            }
            let left = write.until.saturating_duration_since(Instant::now()).as_millis();
            if left == 0 {
                break Ok(Value::Nil);
            }
            let left = left.to_string();
            let arguments: [&[u8]; 4] = [&write.header, &write.record, left.as_bytes(), self.is_cluster()];
            // Never twice: it could have been consumed in between, and be there again.
            let answer = self.link.run(&script::PUT, &[&key], &arguments, Again::Never).await;
            if !try_again(&answer, deadline).await {
                break answer;
            }
        };
        match written {
            Ok(_) => self.said_dropping.store(false, Relaxed),
            Err(error) => {
                self.queue.drop_one();
                if !self.said_dropping.swap(true, Relaxed) {
                    tracing::warn!(%error, "sessions are not written to the session store, and are not shared");
                }
            }
        }
    }

    /// Removes a session, and has the other nodes told.
    pub async fn remove(&self, id: &SessionId) {
        let deadline = Instant::now() + PATIENCE;
        let (key, gone) = (self.names.session(id), self.news.gone(id));
        let arguments: [&[u8]; 2] = [&self.names.channel, &gone];
        let removed = loop {
            if !self.link.connected(deadline.saturating_duration_since(Instant::now())).await {
                break Err(link::not_connected());
            }
            let answer = self.link.run(&script::REMOVE, &[&key], &arguments, Again::MaySend).await;
            // It is gone however often it is removed.
            if answer.as_ref().is_err_and(RedisError::is_io_error) && Instant::now() + PAUSE < deadline {
                sleep(PAUSE).await;
            } else if !try_again(&answer, deadline).await {
                break answer;
            }
        };
        if let Err(error) = removed {
            tracing::warn!(session = %id, %error, "a session was not removed from the session store");
        }
    }

    /// Asks for a session, and for the version of the notices with it.
    pub async fn fetch(&self, id: &SessionId, consume: Consume) -> Answer {
        let readings = self.notices.readings();
        let (key, gone) = (self.names.session(id), self.news.gone(id));
        let consume: &[u8] = match consume {
            Consume::Never => b"never",
            Consume::Always => b"always",
        };
        let arguments: [&[u8]; 4] = [consume, self.is_cluster(), &self.names.channel, &gone];
        let keys = [key.as_slice()];
        let mut version = redis::cmd("GET");
        version.arg(&self.names.version);
        // To look twice for what the first look has consumed finds nothing, which is safe.
        let (fetched, version) = tokio::join!(
            self.link.run(&script::FETCH, &keys, &arguments, Again::MaySend),
            self.link.send(&version, Again::MaySend)
        );
        let fetched = fetched.map_err(Unavailable::from)?;
        let fetched = Fetched::read(fetched).ok_or_else(|| Unavailable("it answers what no script asked".into()))?;
        let Fetched::Found(found) = fetched else {
            self.note(&fetched);
            return Ok(None);
        };
        let seen = Seen { version: version.and_then(version_of).map_err(Unavailable::from)?, readings };
        let told = self.notices.catch_up(seen, &self.link, &self.names, &self.observers).await;
        told.map_err(Unavailable::from)?;
        Ok(Some(found))
    }

    /// Reads a session.
    pub async fn peek(&self, id: &SessionId) -> Answer {
        let mut command = redis::cmd("GET");
        command.arg(self.names.session(id));
        match self.link.send(&command, Again::MaySend).await.map_err(Unavailable::from)? {
            // Nothing resumes from it, so that its time does not matter.
            Value::BulkString(value) => match Fetched::value(&value, 0, false) {
                Fetched::Found(found) => Ok(Some(found)),
                Fetched::Foreign | Fetched::Nothing => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn note(&self, fetched: &Fetched) {
        if matches!(fetched, Fetched::Foreign) && !self.said_foreign.swap(true, Relaxed) {
            tracing::warn!(
                "a key of the session store has something that this version did not write; it is left alone"
            );
        }
    }
}

/// Whether the server has said that it cannot do it now, and there is time to ask it again; if so, after a pause.
async fn try_again(answer: &RedisResult<Value>, deadline: Instant) -> bool {
    let again = answer.as_ref().is_err_and(link::was_refused_for_now) && Instant::now() + PAUSE < deadline;
    if again {
        sleep(PAUSE).await;
    }
    again
}

/// Something to be said once.
pub type Said = AtomicBool;
