//! What to give up first: S3-FIFO, for sessions and for prototypes alike.
//!
//! Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023.
//! Newcomers enter a small queue that gives way while it holds a tenth of the bytes or more.
//! Whoever was asked for while in it moves on to the main queue, which is a clock. So a flood of
//! sessions that nobody comes back for passes through the tenth and leaves the rest alone. SIEVE
//! (NSDI 2024) is simpler and no worse on web traces, but has one queue, which such a flood washes
//! out.
//!
//! Three things differ from the paper, because of what sessions are:
//!
//! - There is no ghost queue. It recognises what comes back after it was given up; a session id never does.
//! - One hit in the small queue is enough to move on, where the paper asks for two: there is no
//!   ghost to correct the error.
//! - A TLS 1.3 client uses a session once and comes back with the one made then. That one has no
//!   hits of its own, yet its client has shown that it returns: it enters the main queue at once
//!   (`proven`). The one it renews has a hit and no future: it becomes the first to go (`demote`).

use super::table::{NONE, Slot, Table};

/// Which of a node's seats a queue is made of.
#[derive(Clone, Copy)]
pub(super) enum Lane {
    Sessions,
    Prototypes,
}

impl Lane {
    pub(super) const COUNT: usize = 2;
}

/// A node's place in a queue.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    newer: Slot,
    older: Slot,
    /// Bytes it stands for.
    pub(super) weight: u32,
    /// Times it was asked for since it was last passed over, up to `MOST_HITS`.
    hits: u8,
    main: bool,
}

/// As in the paper: two bits.
const MOST_HITS: u8 = 3;

impl Seat {
    pub(super) fn hit(&mut self) {
        self.hits = (self.hits + 1).min(MOST_HITS);
    }
}

impl Default for Seat {
    fn default() -> Self {
        Self { newer: NONE, older: NONE, weight: 0, hits: 0, main: false }
    }
}

/// The order in which the nodes of one lane are given up.
pub(super) struct S3Fifo {
    small: Queue,
    main: Queue,
}

impl S3Fifo {
    pub(super) const fn new(lane: Lane) -> Self {
        Self { small: Queue::new(lane), main: Queue::new(lane) }
    }

    /// Seats the node in `slot`.
    pub(super) fn insert(&mut self, table: &mut Table, slot: Slot, weight: u32, proven: bool) {
        let lane = self.small.lane as usize;
        table[slot].seats[lane] = Seat { weight, main: proven, ..Seat::default() };
        if proven { self.main.push(table, slot) } else { self.small.push(table, slot) }
    }

    /// Unseats the node in `slot`.
    pub(super) fn remove(&mut self, table: &mut Table, slot: Slot) {
        let seat = table[slot].seats[self.small.lane as usize];
        if seat.main { self.main.unlink(table, slot) } else { self.small.unlink(table, slot) }
    }

    /// Makes the node in `slot` the first that the small queue gives up, unless it is asked for again.
    pub(super) fn demote(&mut self, table: &mut Table, slot: Slot) {
        self.remove(table, slot);
        let seat = &mut table[slot].seats[self.small.lane as usize];
        (seat.hits, seat.main) = (0, false);
        self.small.push_oldest(table, slot);
    }

    /// Whom to give up next; it stays seated until it is removed.
    ///
    /// Ends because every turn either empties the small queue by one or uses up a hit.
    pub(super) fn victim(&mut self, table: &mut Table) -> Option<Slot> {
        let lane = self.small.lane as usize;
        loop {
            let from_small = self.main.oldest == NONE || self.small.bytes * 10 >= self.bytes();
            let (oldest, hits) = if from_small && self.small.oldest != NONE {
                (self.small.oldest, table[self.small.oldest].seats[lane].hits)
            } else if self.main.oldest != NONE {
                (self.main.oldest, table[self.main.oldest].seats[lane].hits)
            } else {
                return None;
            };
            if hits == 0 {
                return Some(oldest);
            }
            self.remove(table, oldest);
            let seat = &mut table[oldest].seats[lane];
            seat.hits = if seat.main { hits - 1 } else { 0 };
            seat.main = true;
            self.main.push(table, oldest);
        }
    }

    /// Bytes that its nodes stand for.
    pub(super) fn bytes(&self) -> usize {
        self.small.bytes + self.main.bytes
    }
}

/// First in, first out; linked through the seats.
struct Queue {
    lane: Lane,
    newest: Slot,
    oldest: Slot,
    bytes: usize,
}

impl Queue {
    const fn new(lane: Lane) -> Self {
        Self { lane, newest: NONE, oldest: NONE, bytes: 0 }
    }

    fn push(&mut self, table: &mut Table, slot: Slot) {
        let seat = &mut table[slot].seats[self.lane as usize];
        (seat.newer, seat.older) = (NONE, self.newest);
        self.bytes += seat.weight as usize;
        match self.newest {
            NONE => self.oldest = slot,
            newest => table[newest].seats[self.lane as usize].newer = slot,
        }
        self.newest = slot;
    }

    fn push_oldest(&mut self, table: &mut Table, slot: Slot) {
        let seat = &mut table[slot].seats[self.lane as usize];
        (seat.newer, seat.older) = (self.oldest, NONE);
        self.bytes += seat.weight as usize;
        match self.oldest {
            NONE => self.newest = slot,
            oldest => table[oldest].seats[self.lane as usize].older = slot,
        }
        self.oldest = slot;
    }

    fn unlink(&mut self, table: &mut Table, slot: Slot) {
        let Seat { newer, older, weight, .. } = table[slot].seats[self.lane as usize];
        match newer {
            NONE => self.newest = older,
            newer => table[newer].seats[self.lane as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => table[older].seats[self.lane as usize].newer = newer,
        }
        self.bytes -= weight as usize;
    }
}
