//! What handshakes add to. Every addition is one relaxed atomic one: they are on the way of a handshake.
//! A reader may see one count of a handshake and not yet the other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reprise_session::{
    histogram::{Histogram, Reading, Scale},
    session::Miss,
};

/// The protocol versions that handshakes are counted by, with their wire numbers.
pub const VERSIONS: [(&str, i32); 4] = [("1.0", 0x0301), ("1.1", 0x0302), ("1.2", 0x0303), ("1.3", 0x0304)];

/// Session ages: from the seconds in which a browser opens its next connection to the 7 days that RFC 8446 allows a ticket.
static AGES: Scale<12> =
    Scale { per_second: 1.0, bounds: [1, 10, 60, 300, 900, 3_600, 7_200, 21_600, 43_200, 86_400, 259_200, 604_800] };

/// The handshakes of one host.
#[derive(Debug)]
pub struct HandshakeCounts {
    /// By version, full and resumed.
    completed: [[AtomicU64; 2]; VERSIONS.len()],
    misses: [AtomicU64; Miss::REASONS.len()],
    ages: Histogram<12>,
}

impl Default for HandshakeCounts {
    fn default() -> Self {
        Self { completed: Default::default(), misses: Default::default(), ages: Histogram::new(&AGES) }
    }
}

impl HandshakeCounts {
    /// A handshake of this version (a wire number) was completed in full; `miss` is why, if a session was offered.
    pub fn full(&self, version: i32, miss: Option<&Miss>) {
        self.completed(version, false);
        if let Some(miss) = miss {
            self.misses[miss.index()].fetch_add(1, Relaxed);
        }
    }

    /// A session was resumed. `age` is how many seconds ago the client proved itself in full, where that is known.
    pub fn resumed(&self, version: i32, age: Option<u64>) {
        self.completed(version, true);
        if let Some(age) = age {
            self.ages.observe(age);
        }
    }

    fn completed(&self, version: i32, resumed: bool) {
        if let Some(at) = VERSIONS.iter().position(|(_, wire)| *wire == version) {
            self.completed[at][usize::from(resumed)].fetch_add(1, Relaxed);
        }
    }

    /// Handshakes in full and resumed, for each of [`VERSIONS`].
    pub fn handshakes(&self) -> [[u64; 2]; VERSIONS.len()] {
        self.completed.each_ref().map(|counts| counts.each_ref().map(|count| count.load(Relaxed)))
    }

    /// Each of [`Miss::REASONS`] and how often it was the reason.
    pub fn misses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Miss::REASONS.iter().zip(&self.misses).map(|(reason, count)| (*reason, count.load(Relaxed)))
    }

    /// Ages of the sessions resumed.
    pub fn ages(&self) -> Reading {
        self.ages.read()
    }
}
