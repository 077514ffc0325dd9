//! The sessions of one shard: slots in one vector, found by id through chained hashing.
//!
//! It grows in steps whose bytes are known before they are taken, which is what lets a shard count
//! everything. That, and not speed, is why it is not a `HashMap`: one of those doubles, at a time
//! of its choosing.

use std::{
    mem::size_of,
    ops::{Index, IndexMut},
};

use reprise_session::{session::Prototype, session::SessionId};

use super::s3fifo::{Lane, Seat};
use crate::store::{Priority, Reach, RecordBytes};

/// A slot's number. Four bytes where a pointer would take eight.
pub(super) type Slot = u32;

/// No slot.
pub(super) const NONE: Slot = Slot::MAX;

/// The fewest slots added at once.
const STEP: usize = 16;

/// A session held.
pub(super) struct Node {
    pub(super) id: SessionId,
    pub(super) hash: u32,
    /// The next session in the same bucket.
    chained: Slot,
    pub(super) record: RecordBytes,
    pub(super) prototype: Option<Prototype>,
    pub(super) expires: u64,
    /// When it was last known not to be revoked.
    pub(super) since: u64,
    pub(super) fetches: u32,
    pub(super) single_use: bool,
    pub(super) priority: Priority,
    pub(super) reach: Reach,
    /// Where it stands among the sessions of its priority, and its prototype among the prototypes.
    pub(super) seats: [Seat; Lane::COUNT],
}

impl Node {
    pub(super) fn new(id: SessionId, hash: u32, entry: crate::store::Entry, now: u64) -> Self {
        Self {
            id,
            hash,
            chained: NONE,
            record: entry.record,
            prototype: None,
            expires: entry.expires,
            since: entry.since.unwrap_or(now),
            fetches: 0,
            single_use: entry.single_use,
            priority: entry.priority,
            reach: entry.reach,
            seats: [Seat::default(); Lane::COUNT],
        }
    }
}

enum Place {
    Vacant { next: Slot },
    Taken(Node),
}

pub(super) struct Table {
    places: Vec<Place>,
    /// The first slot of each bucket's chain. A power of two of them, at least as many as there are slots.
    buckets: Vec<Slot>,
    vacant: Slot,
    len: usize,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), buckets: Vec::new(), vacant: NONE, len: 0 }
    }

    pub(super) fn find(&self, id: &SessionId, hash: u32) -> Option<Slot> {
        let mut slot = *self.buckets.get(self.bucket(hash))?;
        while slot != NONE {
            let node = &self[slot];
            if node.id == *id {
                return Some(slot);
            }
            slot = node.chained;
        }
        None
    }

    /// Adds `node`, whose id must not be in the table yet.
    pub(super) fn insert(&mut self, mut node: Node) -> Slot {
        if self.is_full() {
            self.grow();
        }
        let bucket = self.bucket(node.hash);
        node.chained = self.buckets[bucket];
        self.len += 1;
        let slot = match self.places.get_mut(self.vacant as usize) {
            Some(place) => {
                let slot = self.vacant;
                if let Place::Vacant { next } = *place {
                    self.vacant = next;
                }
                *place = Place::Taken(node);
                slot
            }
            None => {
                self.places.push(Place::Taken(node));
                (self.places.len() - 1) as Slot
            }
        };
        self.buckets[bucket] = slot;
        slot
    }

    /// Takes out the session in `slot`.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Node> {
        let Place::Taken(node) = self.places.get(slot as usize)? else { return None };
        let (bucket, chained) = (self.bucket(node.hash), node.chained);
        if self.buckets[bucket] == slot {
            self.buckets[bucket] = chained;
        } else {
            let mut before = self.buckets[bucket];
            while self[before].chained != slot {
                before = self[before].chained;
            }
            self[before].chained = chained;
        }
        let vacated = std::mem::replace(&mut self.places[slot as usize], Place::Vacant { next: self.vacant });
        self.vacant = slot;
        self.len -= 1;
        match vacated {
            Place::Taken(node) => Some(node),
            Place::Vacant { .. } => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are to sweep, vacant ones included.
    pub(super) fn slots(&self) -> usize {
        self.places.len()
    }

    /// The session in `slot`, if one is there.
    pub(super) fn at(&self, slot: usize) -> Option<&Node> {
        match self.places.get(slot)? {
            Place::Taken(node) => Some(node),
            Place::Vacant { .. } => None,
        }
    }

    /// Bytes of the vectors, used or not.
    pub(super) fn bytes(&self) -> usize {
        bytes_for(self.places.capacity(), self.buckets.len())
    }

    /// By how many bytes the next insertion makes it grow.
    pub(super) fn growth(&self) -> usize {
        if !self.is_full() {
            return 0;
        }
        let slots = self.slots_after_growth();
        bytes_for(slots, slots.next_power_of_two()) - self.bytes()
    }

    fn is_full(&self) -> bool {
        self.vacant == NONE && self.places.len() == self.places.capacity()
    }

    /// An eighth more: little is held in vain, and a session is still moved only a few times in its life.
    fn slots_after_growth(&self) -> usize {
        self.places.len() + (self.places.len() / 8).max(STEP)
    }

    fn grow(&mut self) {
        let slots = self.slots_after_growth();
        self.places.reserve_exact(slots - self.places.len());
        let buckets = slots.next_power_of_two();
        if buckets == self.buckets.len() {
            return;
        }
        self.buckets = vec![NONE; buckets];
        for (slot, place) in self.places.iter_mut().enumerate() {
            if let Place::Taken(node) = place {
                let bucket = node.hash as usize & (buckets - 1);
                node.chained = std::mem::replace(&mut self.buckets[bucket], slot as Slot);
            }
        }
    }

    fn bucket(&self, hash: u32) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }
}

/// For slots that are known to be taken: those that a chain or a queue leads to. Were one vacant, a
/// session would be linked that was given up, and to go on could give it out.
impl Index<Slot> for Table {
    type Output = Node;

    fn index(&self, slot: Slot) -> &Node {
        match &self.places[slot as usize] {
            Place::Taken(node) => node,
            Place::Vacant { .. } => unreachable!("a link to a vacant slot"),
        }
    }
}

impl IndexMut<Slot> for Table {
    fn index_mut(&mut self, slot: Slot) -> &mut Node {
        match &mut self.places[slot as usize] {
            Place::Taken(node) => node,
            Place::Vacant { .. } => unreachable!("a link to a vacant slot"),
        }
    }
}

fn bytes_for(slots: usize, buckets: usize) -> usize {
    slots * size_of::<Place>() + buckets * size_of::<Slot>()
}
