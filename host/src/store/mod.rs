//! Where kept sessions live.
//!
//! A [`Store`] holds encoded session records under their ids. What is in a record is no concern of its: it is handed bytes,
//! an absolute expiry and a few hints.

mod memory;
pub(crate) mod wait;

use std::{future::Future, pin::Pin, sync::Arc};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::memory::Memory;
pub use crate::policy::wit::types::{Priority, Reach, Removal};
use crate::{callbacks::Prototype, session::SessionId};

/// An encoded session record. It contains the session's secrets: zeroed when the last holder drops it, and without `Debug`
/// output of its content.
#[derive(Clone)]
pub struct RecordBytes(Arc<Zeroizing<Box<[u8]>>>);

impl RecordBytes {
    /// Takes over `bytes`; they are zeroed when the last clone goes.
    pub fn new(bytes: Vec<u8>) -> Self {
        let bytes = if bytes.len() == bytes.capacity() {
            bytes.into_boxed_slice()
        } else {
            // To shrink a vector may move it, which leaves the secrets where they were.
            Zeroizing::new(bytes).as_slice().into()
        };
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes of heap that the record takes: it and the `Arc` around it, each rounded up as glibc's `malloc` does.
    pub fn heap_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        heap_bytes(self.len()) + heap_bytes(COUNTS + size_of::<Zeroizing<Box<[u8]>>>())
    }
}

/// What glibc's `malloc` takes for `bytes`.
const fn heap_bytes(bytes: usize) -> usize {
    let chunk = (bytes + size_of::<usize>()).next_multiple_of(16);
    if chunk < 32 { 32 } else { chunk }
}

impl std::ops::Deref for RecordBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for RecordBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordBytes({} bytes)", self.len())
    }
}

/// A session on its way into a store.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The encoded record.
    pub record: RecordBytes,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// Whether a fetch with [`Consume::IfSingleUse`] takes it.
    pub single_use: bool,
    /// The session whose resumption made it: in TLS 1.3 a resumption makes a new session, and a client uses each once (RFC
    /// 8446 appendix C.4). So this one's client is known to come back, and that one has likely done its service; a store
    /// that counts fetches alone would have it the other way round.
    pub renews: Option<SessionId>,
    /// How hard a full store holds on to it.
    pub priority: Priority,
    /// How far it travels. A store of one node only ignores it.
    pub reach: Reach,
    /// A live session to duplicate instead of decoding the record, where decoding is dear.
    pub prototype: Option<Prototype>,
}

/// A session that a store gave out.
#[derive(Clone, Debug)]
pub struct Found {
    /// The encoded record.
    pub record: RecordBytes,
    /// The live session to duplicate, if the store has one.
    pub prototype: Option<Prototype>,
    /// How often this store has given it out before.
    pub fetches: u32,
    /// Whether this fetch took it.
    pub consumed: bool,
    /// The store would keep a prototype of this session if it were given one ([`Store::keep_prototype`]).
    pub wants_prototype: bool,
}

/// Whether a fetch takes the session out of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consume {
    /// Only if the entry is single-use.
    IfSingleUse,
    /// In any case: the ClientHello asks for 0-RTT, which may be accepted once.
    Always,
}

/// The answer to a fetch.
pub enum Fetch {
    /// Known at once.
    Ready(Result<Option<Found>, Unavailable>),
    /// A remote store's answer, on its way.
    Pending(Pin<Box<dyn Future<Output = Result<Option<Found>, Unavailable>> + Send>>),
}

/// The store could not be asked. The handshake goes on in full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session store unavailable: {0}")]
pub struct Unavailable(pub String);

/// A session that left the store other than by [`Store::remove`], or that was put and found no room.
#[derive(Clone, Debug)]
pub struct Removed {
    /// Its id.
    pub id: SessionId,
    /// Its record, for the policies that are told.
    pub record: RecordBytes,
    /// `Expired`, `Evicted`, `Replaced` or `Consumed`.
    pub why: Removal,
}

/// Who is told of sessions that left the store. Called without the store's locks held, on whatever thread; it must not block.
pub type RemovalObserver = Arc<dyn Fn(Removed) + Send + Sync>;

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Sessions held.
    pub sessions: u64,
    /// Bytes held, everything counted.
    pub bytes: u64,
    /// Live prototypes held.
    pub prototypes: u64,
    /// Sessions given up because the store was full, since it was made.
    pub evicted: u64,
    /// Sessions given up because their time had passed, since it was made.
    pub expired: u64,
}

/// Keeps sessions for a while.
///
/// What a store promises:
///
/// - It may lose any session at any time: a lost session costs a full handshake. `put` returns nothing for that reason.
/// - It never gives out a session past its `expires`, nor one that was removed.
/// - [`fetch`](Store::fetch) is one atomic operation: of any number of concurrent fetches that consume an entry, in any
///   number of threads (or, for a shared store, nodes), exactly one finds it. A `fetch` that cannot be sure of this must
///   answer [`Unavailable`], never the session.
/// - Ids come from the network and are untrusted, but the host has checked their keyed part before it asks.
/// - It never blocks a handshake: `put` queues where it would have to wait, `fetch` answers [`Fetch::Pending`].
pub trait Store: Send + Sync + 'static {
    /// Keeps `entry` under `id`, over what is there.
    fn put(&self, id: SessionId, entry: Entry, now: u64);

    /// Gives out what is under `id` and, as `consume` says, takes it out in the same step.
    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch;

    /// Removes what is under `id` and gives its record, if it was there. The observer is not told.
    fn remove(&self, id: &SessionId) -> Option<RecordBytes>;

    /// Reads what is under `id` without counting it as use and without consuming it, expired or not. For `remove-session`,
    /// off handshakes: nothing resumes from it.
    fn peek(&self, id: &SessionId) -> Option<RecordBytes>;

    /// Offers a prototype of the session under `id`; the store keeps it if the session is still there and it has room.
    fn keep_prototype(&self, _id: &SessionId, _prototype: Prototype) {}

    /// Called by the host about once a second, off the handshake threads: a time to give up what has expired.
    fn maintain(&self, _now: u64) {}

    /// Called once by the host, before any session is put.
    fn observe_removals(&self, _observer: RemovalObserver) {}

    /// What it holds.
    fn usage(&self) -> Usage;
}
