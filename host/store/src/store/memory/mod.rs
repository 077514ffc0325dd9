//! The store in this process's memory.

mod s3fifo;
mod shard;
mod table;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reprise_session::lock::{Mutex, MutexGuard};
use reprise_session::{session::Prototype, session::SessionId};

use self::shard::{Left, Shard};
use super::{
    Consume, Entry, Fetch, Found, Health, RecordBytes, Removal, RemovalObserver, Removed, Scope, Store, Unavailable,
    Usage,
};

/// What [`Memory::default`] may take.
const DEFAULT_CAPACITY: usize = 64 << 20;

/// The room below which a shard is not divided further: some thousand sessions, so that chance fills all shards alike.
const SHARD_ROOM: usize = 1 << 20;
const MOST_SHARDS: usize = 256;

/// How long a handshake waits for a shard. Its lock is held for microseconds, so that this much
/// means that the holder was not scheduled, or vanished in a fork.
const PATIENCE: Duration = Duration::from_millis(5);

/// How long others wait. A removal that is not done would be a promise broken, where a fetch that
/// is not done is a miss.
const PATIENCE_OFF_HANDSHAKES: Duration = Duration::from_secs(1);

/// The fewest slots of a shard that a sweep looks at, and the fewest sweeps that a round of a larger shard takes.
const SWEEP: usize = 1024;
const SWEEPS_PER_ROUND: usize = 16;

/// Slots looked at under one hold of a lock.
const SWEEP_HOLD: usize = 128;

/// Keeps sessions in this process's memory, bounded in bytes.
///
/// **What is counted.** For each session its record and the `Arc` it is shared by, each rounded up
/// as glibc's `malloc` does (`(n + 8)` to the next 16, at least 32 bytes); for each prototype
/// [`Prototype::weight`]; the tables that lead to the sessions, by capacity and not by use; the
/// shards themselves. What was given out and is still held by a handshake is the handshake's. The
/// tables do not shrink.
///
/// **What is given up first.** Sessions of low priority, all of them before any of normal, and
/// those before any of high; a newcomer never pushes out a session of higher priority. Within each,
/// by S3-FIFO, which protects the sessions that are resumed from a flood of sessions that are not.
/// An entry too big for its shard, which has an equal part of the capacity, is given up at once.
///
/// **Prototypes** have a budget of their own within the capacity. It is fixed, so that a store full
/// of sessions, which is how a busy one spends its life, still has the prototypes that pay most.
/// When it is used up, the prototypes used least are given up for new ones, and their sessions
/// stay: no session is given up for a prototype.
///
/// **Locks.** No call waits long for a lock. One that is held by a thread that vanished in a fork
/// makes [`Store::fetch`] answer [`Unavailable`] and [`Store::put`] give the entry up, without
/// waiting again each time.
///
/// Every entry put leaves exactly once: by [`Store::remove`], or the observer is told.
pub struct Memory {
    shards: Box<[Guarded]>,
    hasher: RandomState,
    observer: OnceLock<RemovalObserver>,
}

impl Memory {
    /// A store of at most `bytes`, a quarter of it for prototypes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self::with_budgets(bytes - bytes / 4, bytes / 4)
    }

    /// A store of at most `sessions` bytes of sessions and `prototypes` bytes of prototypes. Where
    /// no prototypes are wanted `prototypes` is 0.
    pub fn with_budgets(sessions: usize, prototypes: usize) -> Self {
        let wanted = (sessions / SHARD_ROOM).clamp(1, MOST_SHARDS);
        let shards = if wanted.is_power_of_two() { wanted } else { wanted.next_power_of_two() / 2 };
        Self {
            shards: (0..shards).map(|_| Guarded::new(Shard::new(sessions / shards, prototypes / shards))).collect(),
            hasher: RandomState::new(),
            observer: OnceLock::new(),
        }
    }

    /// The shard of `id`, and the hash it is found by there.
    ///
    /// Hashed with a random key although the host has checked the ids: a store promises to cope with any.
    fn shard(&self, id: &SessionId) -> (&Guarded, u32) {
        let hash = self.hasher.hash_one(id);
        (&self.shards[(hash >> 32) as usize & (self.shards.len() - 1)], hash as u32)
    }

    /// Tells of what left, and drops it; called without locks.
    fn tell(&self, left: Left) {
        if let Some(observer) = self.observer.get() {
            left.removed.into_iter().for_each(|removed| observer(removed));
        }
    }
}

impl Default for Memory {
    /// A store of at most 64 MiB: about 100,000 sessions without client certificates.
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl Store for Memory {
    fn scope(&self) -> Scope {
        Scope::Process
    }

    fn kind(&self) -> &'static str {
        "memory"
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        if let Some(renewed) = &entry.renews {
            let (shard, hash) = self.shard(renewed);
            if let Some(mut shard) = shard.enter() {
                shard.renewed(renewed, hash);
            }
        }
        let mut left = Left::default();
        let (shard, hash) = self.shard(&id);
        match shard.enter() {
            Some(mut shard) => shard.put(id, hash, entry, now, &mut left),
            None => {
                let Entry { record, reach, .. } = entry;
                left.removed.push(Removed { id, record, reach, why: Removal::Evicted });
            }
        }
        self.tell(left);
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        let mut left = Left::default();
        let (shard, hash) = self.shard(id);
        let found: Option<Found> = match shard.enter() {
            Some(mut shard) => shard.fetch(id, hash, consume, now, &mut left),
            None => return Fetch::Ready(Err(Unavailable("a part of the memory store is locked".into()).into())),
        };
        self.tell(left);
        Fetch::Ready(Ok(found))
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        let (shard, hash) = self.shard(id);
        let node = shard.enter_within(PATIENCE_OFF_HANDSHAKES)?.remove(id, hash);
        node.map(|node| node.record)
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        let (shard, hash) = self.shard(id);
        shard.enter()?.peek(id, hash)
    }

    fn keep_prototype(&self, id: &SessionId, prototype: Prototype) {
        let mut left = Left::default();
        let (shard, hash) = self.shard(id);
        if let Some(mut shard) = shard.enter() {
            shard.keep_prototype(id, hash, prototype, &mut left);
        }
        self.tell(left);
    }

    /// Looks at a part of what is held: all of it in each call up to some thousand sessions for
    /// each shard, all of it in 16 calls beyond. What has expired meanwhile is not given out, it
    /// only takes room for a while.
    fn maintain(&self, now: u64) {
        for shard in &self.shards {
            let mut looked_at = 0;
            loop {
                let mut left = Left::default();
                let Some(mut shard) = shard.enter() else { break };
                let part = (shard.slots() / SWEEPS_PER_ROUND).max(SWEEP);
                let round_done = shard.sweep(SWEEP_HOLD, now, &mut left);
                drop(shard);
                self.tell(left);
                looked_at += SWEEP_HOLD;
                if round_done || looked_at >= part {
                    break;
                }
            }
        }
    }

    /// The first observer stays.
    fn observe_removals(&self, observer: RemovalObserver) {
        let _ = self.observer.set(observer);
    }

    /// Nothing in it can fail.
    fn health(&self) -> Health {
        Health::Answers
    }

    fn usage(&self) -> Usage {
        let shards = self.shards.iter().filter_map(|shard| Some(shard.enter()?.usage()));
        shards.fold(Usage::default(), |sum, shard| Usage {
            sessions: sum.sessions + shard.sessions,
            bytes: sum.bytes + shard.bytes,
            prototypes: sum.prototypes + shard.prototypes,
            evicted: sum.evicted + shard.evicted,
            expired: sum.expired + shard.expired,
            dropped: 0,
        })
    }
}

/// A shard behind a lock that nobody waits long for. On cache lines of its own, for the lock's sake.
#[repr(align(64))]
struct Guarded {
    shard: Mutex<Shard>,
    /// The last wait was in vain: the next ones only try.
    lost: AtomicBool,
}

impl Guarded {
    fn new(shard: Shard) -> Self {
        Self { shard: Mutex::new(shard), lost: AtomicBool::new(false) }
    }

    /// For handshakes.
    fn enter(&self) -> Option<MutexGuard<'_, Shard>> {
        let patience = if self.lost.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        self.enter_within(patience)
    }

    /// Polls, for one that was lost in a fork stays locked.
    fn enter_within(&self, patience: Duration) -> Option<MutexGuard<'_, Shard>> {
        let mut since = None;
        loop {
            if let Some(shard) = self.shard.try_lock() {
                if self.lost.load(Ordering::Relaxed) {
                    self.lost.store(false, Ordering::Relaxed);
                }
                return Some(shard);
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            if waited >= patience {
                self.lost.store(true, Ordering::Relaxed);
                return None;
            }
            if waited < PATIENCE { std::thread::yield_now() } else { std::thread::sleep(PATIENCE) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FetchError;

    /// What a fork leaves behind in the child is a lock that no thread will ever release; a guard
    /// kept here is the same.
    #[test]
    fn a_lock_that_is_never_released_costs_a_miss_and_never_a_hang() {
        let store = Memory::with_capacity(1 << 20);
        let id = SessionId::from([1; 32]);
        store.put(id, Entry::plain(100, 100), 0);
        let held = store.shards[0].shard.lock();
        for _ in 0..100 {
            assert!(matches!(store.fetch(&id, Consume::Never, 0), Fetch::Ready(Err(FetchError::Unavailable(_)))));
            store.put(id, Entry::plain(100, 100), 0);
        }
        assert_eq!(store.remove(&id).as_deref(), None);
        assert_eq!(store.usage(), Usage::default());
        store.maintain(0);
        drop(held);
        assert!(matches!(store.fetch(&id, Consume::Never, 0), Fetch::Ready(Ok(Some(_)))));
        assert!(!store.shards[0].lost.load(Ordering::Relaxed), "the next wait is a wait again");
    }

    #[test]
    fn an_entry_that_finds_its_shard_locked_is_told_of_as_evicted() {
        let store = Memory::with_capacity(1 << 20);
        let told = std::sync::Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        store.observe_removals(std::sync::Arc::new(move |removed| tell.lock().push((removed.id, removed.why))));
        let id = SessionId::from([1; 32]);
        let held = store.shards[0].shard.lock();
        store.put(id, Entry::plain(100, 100), 0);
        drop(held);
        assert_eq!(*told.lock(), [(id, Removal::Evicted)]);
    }

    #[test]
    fn shards_are_a_power_of_two_with_room_for_some_thousand_sessions_each() {
        for (capacity, shards) in [(0, 1), (1 << 10, 1), (4 << 20, 2), (64 << 20, 32), (100 << 20, 64), (8 << 30, 256)]
        {
            assert_eq!(Memory::with_capacity(capacity).shards.len(), shards, "{capacity}");
        }
    }
}
