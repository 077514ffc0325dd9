//! Handshakes of late, so that it can be told why one did not resume when somebody asks, which is afterwards.
//!
//! The ring has the last ones, each as what the handshake knew anyhow: who came, what was offered, what each policy said, what came of it
//! and why. It is off unless a host is told otherwise, and costs nothing then. Each handshake takes a bounded number of bytes
//! (8 KiB, mostly less than 1); there is no key material in it, of ids the first eight bytes, and of notes and terms nothing.
//!
//! - `client`: as much of a client's address as is kept
//! - `handshake`: one, as it is kept
//! - `shown`: one, as it is shown
//! - `query`: which are asked for

mod client;
mod handshake;
mod query;
mod shown;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use arc_swap::ArcSwapOption;

use self::client::{Client, Keeper};
pub(crate) use self::handshake::{Handshake, Offer, Seen, place};
pub use self::{
    client::Clients,
    query::{Query, QueryError},
    shown::{Kept, LookedUp, Offered, Recent, Said, Session},
};

/// How many handshakes are kept, and what of their clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub handshakes: usize,
    pub clients: Clients,
}

/// The last handshakes. Who adds one neither waits nor is waited for.
pub(crate) struct Ring {
    places: Box<[ArcSwapOption<(u64, Handshake)>]>,
    /// The number of the next one; the first is 1.
    next: AtomicU64,
    clients: Keeper,
}

impl Ring {
    pub fn new(options: Options) -> Self {
        let places = std::iter::repeat_with(ArcSwapOption::empty).take(options.handshakes).collect();
        Self { places, next: AtomicU64::new(1), clients: Keeper::new(options.clients) }
    }

    /// Whether any are kept.
    pub fn is_on(&self) -> bool {
        !self.places.is_empty()
    }

    /// What is kept of clients.
    pub fn clients(&self) -> &Keeper {
        &self.clients
    }

    /// Keeps one, in the place of the one that came first.
    pub fn add(&self, handshake: Handshake) {
        let number = self.next.fetch_add(1, Relaxed);
        if let Some(place) = self.places.get(number as usize % self.places.len().max(1)) {
            place.store(Some(Arc::new((number, handshake))));
        }
    }

    /// How many are kept at the most, and how many there have been.
    pub fn size(&self) -> (usize, u64) {
        (self.places.len(), self.next.load(Relaxed) - 1)
    }

    /// Those that are asked for, in their order.
    ///
    /// # Errors
    /// What is kept of clients does not say.
    pub fn find(&self, query: &Query) -> Result<Vec<Recent>, QueryError> {
        let asked = self.clients.asked(query.client)?;
        let mut found: Vec<_> = self.places.iter().filter_map(ArcSwapOption::load_full).collect();
        found.retain(|one| one.0 > query.after && query.wants(&one.1, asked.as_ref()));
        found.sort_by_key(|one| one.0);
        let first = found.len().saturating_sub(query.last);
        Ok(found[first..].iter().map(|one| Recent::new(one.0, &one.1)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(handshakes: usize) -> Ring {
        Ring::new(Options { handshakes, clients: Clients::Whole })
    }

    fn numbers(ring: &Ring, query: &Query) -> Vec<u64> {
        ring.find(query).unwrap().iter().map(|recent| recent.number).collect()
    }

    #[test]
    fn the_last_ones_are_kept_in_their_order() {
        let ring = ring(3);
        for _ in 0..5 {
            ring.add(Handshake::default());
        }
        assert_eq!((numbers(&ring, &Query::default()), ring.size()), (vec![3, 4, 5], (3, 5)));
        assert_eq!(numbers(&ring, &Query { last: 2, ..Query::default() }), [4, 5]);
        assert_eq!(numbers(&ring, &Query { after: 4, ..Query::default() }), [5]);
    }

    #[test]
    fn where_none_are_kept_there_are_none() {
        let ring = ring(0);
        ring.add(Handshake::default());
        assert!(!ring.is_on() && numbers(&ring, &Query::default()).is_empty());
    }

    #[test]
    fn those_added_at_once_are_all_kept() {
        let ring = ring(400);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| ring.add(Handshake::default())));
            }
        });
        assert_eq!(numbers(&ring, &Query::default()), (1..=400).collect::<Vec<_>>());
    }
}
