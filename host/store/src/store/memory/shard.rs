//! One shard: a table of sessions, the order in which they are given up, and the bytes they take.

use std::mem::size_of;

use reprise_session::{session::Prototype, session::SessionId};

use super::{
    s3fifo::{Lane, S3Fifo},
    table::{Node, Slot, Table},
};
use crate::store::{Consume, Entry, Found, Priority, RecordBytes, Removal, Removed, Usage};

/// From this fetch on a session is thought worth a prototype, while there is room for prototypes.
const WORTH_A_PROTOTYPE: u32 = 2;

/// What left a shard under its lock, to be told of and dropped (zeroed, freed) once the lock is released.
#[derive(Default)]
pub(super) struct Left {
    pub(super) removed: Vec<Removed>,
    prototypes: Vec<Prototype>,
}

impl Left {
    fn session(&mut self, node: Node, why: Removal) {
        self.prototypes.extend(node.prototype);
        self.removed.push(Removed { id: node.id, record: node.record, reach: node.reach, why });
    }
}

pub(super) struct Shard {
    table: Table,
    /// The sessions of each priority, low first.
    sessions: [S3Fifo; 3],
    prototypes: S3Fifo,
    prototypes_held: u64,
    /// The most bytes of sessions, this struct and the table included.
    room: usize,
    /// The most bytes of prototypes.
    prototype_room: usize,
    evicted: u64,
    expired: u64,
    /// Where the next sweep goes on.
    hand: usize,
}

impl Shard {
    pub(super) fn new(room: usize, prototype_room: usize) -> Self {
        Self {
            table: Table::new(),
            sessions: [const { S3Fifo::new(Lane::Sessions) }; 3],
            prototypes: S3Fifo::new(Lane::Prototypes),
            prototypes_held: 0,
            room,
            prototype_room,
            evicted: 0,
            expired: 0,
            hand: 0,
        }
    }

    pub(super) fn put(&mut self, id: SessionId, hash: u32, mut entry: Entry, now: u64, left: &mut Left) {
        if let Some(slot) = self.table.find(&id, hash) {
            self.give_up(slot, Removal::Replaced, left);
        }
        let prototype = entry.prototype.take();
        let (weight, proven) = (entry.record.heap_bytes(), entry.renews.is_some());
        let node = Node::new(id, hash, entry, now);
        if node.expires <= now {
            self.expired += 1;
            return left.session(node, Removal::Expired);
        }
        if !self.make_room(weight, node.priority, now, left) {
            self.evicted += 1;
            return left.session(node, Removal::Evicted);
        }
        let queue = rank(node.priority);
        let slot = self.table.insert(node);
        // A weight past 4 GiB had no room.
        self.sessions[queue].insert(&mut self.table, slot, weight as u32, proven);
        if let Some(prototype) = prototype {
            // Clients that come back without a certificate are many: their prototypes, which spare
            // a fortieth, do not push out those of certificates, nor what is hit most.
            let proven = proven && prototype.has_certificate();
            self.attach(slot, prototype, proven, left);
        }
    }

    pub(super) fn fetch(
        &mut self,
        id: &SessionId,
        hash: u32,
        consume: Consume,
        now: u64,
        left: &mut Left,
    ) -> Option<Found> {
        let slot = self.table.find(id, hash)?;
        let node = &mut self.table[slot];
        if node.expires <= now {
            self.give_up(slot, Removal::Expired, left);
            return None;
        }
        let single_use = node.single_use;
        let consumed = consume == Consume::Always;
        let before = node.fetches;
        // Looked at, a session for single use is not used.
        if consumed || !single_use {
            node.fetches = before.saturating_add(1);
        }
        for seat in &mut node.seats {
            seat.hit();
        }
        let (reach, remaining, since) = (node.reach, node.expires - now, node.since);
        let found = Found {
            record: node.record.clone(),
            prototype: node.prototype.clone(),
            fetches: before,
            consumed,
            single_use,
            wants_prototype: !consumed && !single_use && node.prototype.is_none() && self.wants_prototype(before + 1),
            reach,
            remaining: Some(remaining),
            since: Some(since),
            tier: 0,
        };
        if consumed {
            self.give_up(slot, Removal::Consumed, left);
        }
        Some(found)
    }

    /// Another session has taken the place of this one: unless it is used several times over, it is the next to go.
    pub(super) fn renewed(&mut self, id: &SessionId, hash: u32) {
        let Some(slot) = self.table.find(id, hash) else { return };
        let node = &self.table[slot];
        if node.fetches > 1 {
            return;
        }
        let (queue, has_prototype) = (rank(node.priority), node.prototype.is_some());
        self.sessions[queue].demote(&mut self.table, slot);
        if has_prototype {
            self.prototypes.demote(&mut self.table, slot);
        }
    }

    pub(super) fn remove(&mut self, id: &SessionId, hash: u32) -> Option<Node> {
        let slot = self.table.find(id, hash)?;
        self.take(slot)
    }

    pub(super) fn peek(&self, id: &SessionId, hash: u32) -> Option<RecordBytes> {
        self.table.find(id, hash).map(|slot| self.table[slot].record.clone())
    }

    pub(super) fn keep_prototype(&mut self, id: &SessionId, hash: u32, prototype: Prototype, left: &mut Left) {
        match self.table.find(id, hash) {
            Some(slot) if self.table[slot].prototype.is_none() => self.attach(slot, prototype, true, left),
            _ => left.prototypes.push(prototype),
        }
    }

    /// Looks at the next `slots` slots and gives up what has expired. True at the end of a round.
    pub(super) fn sweep(&mut self, slots: usize, now: u64, left: &mut Left) -> bool {
        let end = (self.hand + slots).min(self.table.slots());
        for slot in self.hand..end {
            if self.table.at(slot).is_some_and(|node| node.expires <= now) {
                self.give_up(slot as Slot, Removal::Expired, left);
            }
        }
        let done = end == self.table.slots();
        self.hand = if done { 0 } else { end };
        done
    }

    /// How many slots there are to sweep.
    pub(super) fn slots(&self) -> usize {
        self.table.slots()
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            sessions: self.table.len() as u64,
            bytes: (self.session_bytes() + self.prototypes.bytes()) as u64,
            prototypes: self.prototypes_held,
            evicted: self.evicted,
            expired: self.expired,
            dropped: 0,
        }
    }

    fn session_bytes(&self) -> usize {
        size_of::<Self>() + self.table.bytes() + self.sessions.iter().map(S3Fifo::bytes).sum::<usize>()
    }

    /// Gives up sessions of this priority and below until another of `weight` bytes fits. False,
    /// with nobody given up for it, if those of higher priority leave too little.
    fn make_room(&mut self, weight: usize, priority: Priority, now: u64, left: &mut Left) -> bool {
        let yielding = &self.sessions[..=rank(priority)];
        let yields = yielding.iter().map(S3Fifo::bytes).sum::<usize>();
        // Where nobody yields there is no vacated slot to reuse either.
        let growth = if yields == 0 { self.table.growth() } else { 0 };
        if self.session_bytes() - yields + weight + growth > self.room {
            return false;
        }
        while self.session_bytes() + self.table.growth() + weight > self.room {
            let table = &mut self.table;
            let victim = self.sessions[..=rank(priority)].iter_mut().find_map(|queue| queue.victim(table));
            let Some(slot) = victim else { return false };
            let why = if self.table[slot].expires <= now { Removal::Expired } else { Removal::Evicted };
            self.give_up(slot, why, left);
        }
        true
    }

    /// Gives the session in `slot` a prototype, if its like can be given up for it.
    fn attach(&mut self, slot: Slot, prototype: Prototype, proven: bool, left: &mut Left) {
        let weight = prototype.weight();
        if weight > self.prototype_room {
            return left.prototypes.push(prototype);
        }
        while self.prototypes.bytes() + weight > self.prototype_room {
            let Some(victim) = self.prototypes.victim(&mut self.table) else { break };
            left.prototypes.extend(self.detach(victim));
        }
        self.table[slot].prototype = Some(prototype);
        self.prototypes.insert(&mut self.table, slot, weight as u32, proven);
        self.prototypes_held += 1;
    }

    fn detach(&mut self, slot: Slot) -> Option<Prototype> {
        let prototype = self.table[slot].prototype.take()?;
        self.prototypes.remove(&mut self.table, slot);
        self.prototypes_held -= 1;
        Some(prototype)
    }

    /// While there is room, from the second fetch on. Then only at every doubling of a session's
    /// fetches, so that those hit most get their chance to push out those hit less, without a
    /// duplicate made on every hit.
    fn wants_prototype(&self, fetches: u32) -> bool {
        if fetches < WORTH_A_PROTOTYPE || self.prototype_room == 0 {
            return false;
        }
        let held = self.prototypes.bytes();
        let average = held / (self.prototypes_held as usize).max(1);
        held + average < self.prototype_room || (fetches > WORTH_A_PROTOTYPE && fetches.is_power_of_two())
    }

    fn give_up(&mut self, slot: Slot, why: Removal, left: &mut Left) {
        match why {
            Removal::Evicted => self.evicted += 1,
            Removal::Expired => self.expired += 1,
            _ => {}
        }
        if let Some(node) = self.take(slot) {
            left.session(node, why);
        }
    }

    fn take(&mut self, slot: Slot) -> Option<Node> {
        let prototype = self.detach(slot);
        let queue = rank(self.table[slot].priority);
        self.sessions[queue].remove(&mut self.table, slot);
        let mut node = self.table.remove(slot)?;
        node.prototype = prototype;
        Some(node)
    }
}

fn rank(priority: Priority) -> usize {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}
