//! Where kept sessions live.
//!
//! A [`Store`] holds encoded session records under their ids. What is in a record is no concern of
//! its: it is handed bytes, an absolute expiry and a few hints.

#[cfg(feature = "disk")]
mod disk;
mod entry;
pub mod guard;
mod memory;
mod notice;
#[cfg(feature = "redis")]
pub mod redis;
pub mod sealed;
mod tiers;
pub mod wait;

use std::{sync::Arc, time::Duration};

use reprise_session::{session::Prototype, session::SessionId, vital::Vital};
use serde::{Deserialize, Serialize};

#[cfg(feature = "disk")]
pub use self::disk::{Disk, DiskError, DiskOptions};
#[cfg(feature = "redis")]
pub use self::redis::{Redis, RedisError, RedisOptions};
pub use self::{
    entry::{Answer, Consume, Entry, Fetch, FetchError, Found, Later},
    memory::Memory,
    notice::{KnownBy, Notice, NoticeObserver, Published},
    tiers::{Tiers, TiersError},
};
pub use reprise_session::{
    session::RecordBytes,
    verdict::wit::types::{Priority, Reach, Removal},
};

/// Who sees what is put into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// This process alone. Records are handed over as they are.
    Process,
    /// Processes of this machine. Records are sealed.
    Node,
    /// Other machines. Records are sealed, and sessions of [`Reach::Node`] are not put here.
    Fleet,
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
    /// How far it travelled.
    pub reach: Reach,
    /// `Expired`, `Evicted`, `Replaced` or `Consumed`.
    pub why: Removal,
}

/// Who is told of sessions that left the store. Called without the store's locks held, on whatever
/// thread; it must not block.
pub type RemovalObserver = Arc<dyn Fn(Removed) + Send + Sync>;

/// Who is told that a session was consumed or removed by another node: copies of it are to go. Called like a
/// [`RemovalObserver`].
pub type InvalidationObserver = Arc<dyn Fn(&SessionId) + Send + Sync>;

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
    /// Sessions that were put and not written, since it was made: more came than the store could take, or it failed.
    pub dropped: u64,
}

impl Scope {
    /// Its name in metrics and on status pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::Node => "node",
            Scope::Fleet => "fleet",
        }
    }
}

/// A store that is well has done all that is needed of it within so long: it was asked, for that at
/// least, several times meanwhile.
pub const LATELY: Duration = Duration::from_secs(5);

/// Whether a store does what is needed of it: look-ups, and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has done both within [`LATELY`].
    Answers,
    /// It has not, and why: one line, in words of the store's own and not of whoever is at its other end.
    Fails(String),
    /// The store does not say. The host finds out by look-ups of its own.
    Unknown,
}

/// How one of a host's stores is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierStatus {
    /// What kind of store it is ([`Store::kind`]).
    pub kind: String,
    /// Who sees what is put there.
    pub scope: Scope,
    /// What it holds.
    pub usage: Usage,
    /// Whether it has done what is needed of it within [`LATELY`]: answered look-ups, and taken
    /// writes. Before the first time it has not. It is not asked where look-ups failed several
    /// times in a row, until it answers again.
    pub reachable: bool,
    /// Why it is not reachable, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Look-ups that were misses because it is not asked, since the host was made.
    pub lookups_skipped: u64,
    /// Look-ups of what was known not to be there, which it was not asked for either, since the host was made.
    pub lookups_spared: u64,
}

/// Keeps sessions for a while.
///
/// What a store promises:
///
/// - It may lose any session at any time: a lost session costs a full handshake. `put` returns nothing for that reason.
/// - It never gives out a session past its `expires`, nor one that was removed.
/// - [`fetch`](Store::fetch) is one atomic operation: of any number of concurrent fetches that
///   consume an entry, in any number of threads (or, for a shared store, nodes), exactly one finds
///   it. A `fetch` that cannot be sure of this must answer [`Unavailable`], never the session.
/// - Ids come from the network and are untrusted, but the host has checked their keyed part before it asks.
/// - It never blocks a handshake: `put` queues where it would have to wait, `fetch` answers [`Fetch::Pending`].
/// - Whoever finds a session has been told before of every notice that was published before it asked.
///
/// A store that says [`Scope::Process`] is handed records as they are, which are secrets. To any
/// other one they are handed sealed, as notices are, with the host's
/// [`Keyring`](reprise_session::session::Keyring): all that it can tell from them is how long they
/// are.
pub trait Store: Send + Sync + 'static {
    /// Who sees what is put here. The default is the most careful one.
    fn scope(&self) -> Scope {
        Scope::Fleet
    }

    /// What kind of store it is, in a word: its name in metrics and on status pages.
    fn kind(&self) -> &'static str {
        "other"
    }

    /// Keeps `entry` under `id`, over what is there.
    fn put(&self, id: SessionId, entry: Entry, now: u64);

    /// Gives out what is under `id` and, as `consume` says, takes it out in the same step. The host asks with
    /// [`Consume::Never`] first, and what is to be consumed then with [`Consume::Always`].
    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch;

    /// Removes what is under `id` and gives its record, if it was there and that is known without
    /// waiting. The observer is not told.
    fn remove(&self, id: &SessionId) -> Option<RecordBytes>;

    /// Removes what is under `id`, as [`remove`](Store::remove) does, for whoever wants no record
    /// back: another node has consumed or removed the session, and this store may have a copy. It
    /// must not block, for it is called on threads of other stores that serve look-ups. A store
    /// whose `remove` waits for anything has one of its own; the default calls `remove`.
    fn forget(&self, id: &SessionId) {
        drop(self.remove(id));
    }

    /// Reads what is under `id` without counting it as use and without consuming it, expired or
    /// not. For `remove-session`, off handshakes: nothing resumes from it.
    fn peek(&self, id: &SessionId) -> Option<RecordBytes>;

    /// Offers a prototype of the session under `id`; the store keeps it if the session is still there and it has room.
    fn keep_prototype(&self, _id: &SessionId, _prototype: Prototype) {}

    /// Called by the host about once a second, off the handshake threads: a time to give up what has expired.
    fn maintain(&self, _now: u64) {}

    /// Called once by the host, before any session is put.
    fn observe_removals(&self, _observer: RemovalObserver) {}

    /// Shares a notice with every node that uses this store; answers once the store has it and each
    /// node that it knows of had `wait` to say that it has taken it up. None where nothing is
    /// shared: nobody else uses this store.
    fn publish(&self, _notice: Notice, _wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        None
    }

    /// Called once by the host, before any session is put: who is told of the notices that are shared here.
    fn observe_notices(&self, _observer: NoticeObserver) {}

    /// Called once by the host, before any session is put: who is told, where the store hears of
    /// it, that a session was consumed or removed by another node.
    fn observe_invalidations(&self, _observer: InvalidationObserver) {}

    /// How long ago the store was last heard from about its notices: what was published later is
    /// not known here. None where nothing is shared.
    fn notices_age(&self) -> Option<Duration> {
        None
    }

    /// How those of its threads are doing without which it would only seem to work. The host's health has them.
    fn vitals(&self) -> Vec<Vital> {
        Vec::new()
    }

    /// What it holds, as far as is known without waiting.
    fn usage(&self) -> Usage;

    /// Whether it does what is needed of it, as far as is known without waiting. A store that can
    /// fail keeps that known: it asks, off handshakes, often enough to know within [`LATELY`]. The
    /// default leaves it to the host to ask.
    fn health(&self) -> Health {
        Health::Unknown
    }

    /// How it is doing; a store made of several says it of each, the nearest first.
    fn tiers(&self) -> Vec<TierStatus> {
        let trouble = match self.health() {
            Health::Fails(why) => Some(why),
            Health::Answers | Health::Unknown => None,
        };
        vec![TierStatus {
            kind: self.kind().into(),
            scope: self.scope(),
            usage: self.usage(),
            reachable: trouble.is_none(),
            trouble,
            lookups_skipped: 0,
            lookups_spared: 0,
        }]
    }
}
