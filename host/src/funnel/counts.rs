//! How many handshakes came how far.

use std::{
    iter::zip,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use reprise_session::session::Miss;

use super::{
    places::{Outcomes, Place, Places},
    reason::{NUMBER, REASONS, Reason},
};

/// The protocol versions that handshakes are counted by, with their wire numbers.
pub const VERSIONS: [(&str, i32); 4] = [("1.0", 0x0301), ("1.1", 0x0302), ("1.2", 0x0303), ("1.3", 0x0304)];

/// Handshakes by why they came no further.
pub type Ends<Count> = [Count; NUMBER];

/// The handshakes of one host.
#[derive(Debug, Default)]
pub struct Funnel {
    by_version: [Counted; VERSIONS.len()],
    places: Places,
}

/// Counts as they grow.
#[derive(Debug)]
pub struct Counted(Ends<AtomicU64>);

impl Default for Counted {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; NUMBER])
    }
}

impl Counted {
    pub fn add(&self, reason: Reason, times: u64) {
        self.0[reason.index()].fetch_add(times, Relaxed);
    }

    pub fn read(&self) -> Ends<u64> {
        self.0.each_ref().map(|count| count.load(Relaxed))
    }

    /// Gives them to another.
    pub fn move_to(&self, other: &Self) {
        for (own, others) in zip(&self.0, &other.0) {
            others.fetch_add(own.swap(0, Relaxed), Relaxed);
        }
    }
}

impl Funnel {
    /// A handshake of this version (a wire number) is complete; it came so far, at this place, if that is known. One of no version that
    /// is known here is not counted at all.
    pub fn ended(&self, version: i32, reason: Reason, place: Option<Place<'_>>) {
        let Some(at) = VERSIONS.iter().position(|(_, wire)| *wire == version) else { return };
        self.by_version[at].add(reason, 1);
        self.places.ended(reason, place);
    }

    /// Handshakes by each of [`REASONS`], for each of [`VERSIONS`].
    pub fn by_version(&self) -> [Ends<u64>; VERSIONS.len()] {
        self.by_version.each_ref().map(Counted::read)
    }

    /// Handshakes in full and resumed, for each of [`VERSIONS`].
    pub fn handshakes(&self) -> [[u64; 2]; VERSIONS.len()] {
        self.by_version().map(|ends| {
            let resumed = ends[Reason::RESUMED.index()];
            [ends.iter().sum::<u64>() - resumed, resumed]
        })
    }

    /// Each of [`Miss::REASONS`] and how often it was the reason.
    pub fn misses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = self.by_version();
        let first = NUMBER - Miss::REASONS.len();
        (first..NUMBER).map(move |at| (REASONS[at].0, all.iter().map(|ends| ends[at]).sum()))
    }

    /// The places that are told apart, and then the rest.
    pub fn places(&self) -> Vec<Outcomes> {
        self.places.read()
    }
}
