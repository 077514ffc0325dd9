//! Sessions known not to be in a store: looked for in vain, spent, or removed by this node a moment ago.
//!
//! Clients ask again for what they were refused: an old ticket is offered by several connections at
//! once, a spent one again by its retry. For some seconds such a look-up needs no round trip.
//!
//! To be wrong here does no harm, it costs a full handshake. It happens where a session is written
//! by another node while it is asked for here, which a store that writes behind makes possible: the
//! client was given its ticket a moment ago. It made a full handshake when it was refused, so that
//! it has another session now; that one is asked for.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    mem,
    time::{Duration, Instant},
};

use reprise_session::session::SessionId;

/// How long a generation takes ids; they are remembered for once to twice as long.
const GENERATION: Duration = Duration::from_secs(5);

/// How many ids a generation takes: 64 Ki, in some 1.2 MB. More of them end it early.
const ROOM: usize = 1 << 16;

/// A bounded set that forgets: two generations, of which the older goes as a whole.
pub struct Absent {
    /// Ids by hash: that two share one of 64 bits, with a key that nobody knows, is as unlikely as it is harmless.
    young: HashSet<u64>,
    old: HashSet<u64>,
    began: Instant,
    hasher: RandomState,
}

impl Absent {
    /// Of none, at `now`.
    pub fn new(now: Instant) -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), began: now, hasher: RandomState::new() }
    }

    /// `id` is not there, at `now`.
    pub fn insert(&mut self, id: &SessionId, now: Instant) {
        self.turn(now);
        if self.young.len() >= ROOM {
            self.begin(now);
        }
        self.young.insert(self.hasher.hash_one(id));
    }

    /// `id` is being put.
    pub fn forget(&mut self, id: &SessionId) {
        let hash = self.hasher.hash_one(id);
        self.young.remove(&hash);
        self.old.remove(&hash);
    }

    /// Whether `id` was not there a moment before `now`.
    pub fn contains(&mut self, id: &SessionId, now: Instant) -> bool {
        self.turn(now);
        let hash = self.hasher.hash_one(id);
        self.young.contains(&hash) || self.old.contains(&hash)
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        if age < GENERATION {
            return;
        }
        if age >= 2 * GENERATION {
            self.young.clear();
        }
        self.begin(now);
    }

    fn begin(&mut self, now: Instant) {
        self.old = mem::take(&mut self.young);
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> SessionId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        SessionId::from(bytes)
    }

    #[test]
    fn an_id_is_remembered_for_one_generation_and_forgotten_after_two() {
        let start = Instant::now();
        let mut absent = Absent::new(start);
        let late = start + GENERATION - Duration::from_millis(1);
        absent.insert(&id(1), late);
        assert!(absent.contains(&id(1), late + GENERATION) && !absent.contains(&id(2), late));
        assert!(!absent.contains(&id(1), late + 2 * GENERATION));
    }

    #[test]
    fn after_a_silence_nothing_old_is_remembered() {
        let start = Instant::now();
        let mut absent = Absent::new(start);
        absent.insert(&id(1), start);
        assert!(!absent.contains(&id(1), start + 100 * GENERATION));
    }

    #[test]
    fn what_is_put_is_forgotten_in_either_generation() {
        let start = Instant::now();
        let mut absent = Absent::new(start);
        absent.insert(&id(1), start);
        absent.insert(&id(2), start + GENERATION);
        for id in [id(1), id(2)] {
            absent.forget(&id);
            assert!(!absent.contains(&id, start + GENERATION));
        }
    }

    #[test]
    fn a_flood_takes_no_more_than_two_generations() {
        let start = Instant::now();
        let mut absent = Absent::new(start);
        for n in 0..3 * ROOM as u32 {
            absent.insert(&id(n), start);
        }
        assert!(absent.young.len() + absent.old.len() <= 2 * ROOM);
        assert!(absent.contains(&id(3 * ROOM as u32 - 1), start));
    }
}
