//! Handshakes by where they were: the places that have most of them, and the rest as one.
//!
//! Clients choose the server names, and a stranger as many as he likes. So a place that comes anew takes credit from one after the other
//! of those that are there, one handshake's worth each; one that has none left gives way, and what it had counts for the rest.
//! A place that has more than a 64th of all handshakes keeps its row, whatever comes.
//!
//! A handshake at a place that has a row finds it without a lock and without memory. Only a new one takes a lock, and only where it is
//! free. What is counted while a row changes hands may go to its next owner; it is never lost.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use reprise_session::lock::Mutex;

use super::{
    counts::{Counted, Ends},
    reason::Reason,
};

/// Places that are told apart.
const ROWS: usize = 64;
/// What the rest are counted under.
const REST: &str = "*";
/// The most credit that a place can have: one that nobody visits any more gives way in the end.
const CREDIT: u32 = 1_024;
/// In a forked child, a thread of the parent's may have the lock for ever.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a handshake was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// The listener's name.
    pub listener: &'a str,
    /// The site's; empty where none was settled on.
    pub site: &'a str,
    /// The name that the client asked for.
    pub server_name: Option<&'a str>,
}

/// What became of the handshakes of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// The listener's name; `*` for the rest, as in the next two.
    pub listener: String,
    /// The site's name.
    pub site: String,
    /// The name that clients asked for.
    pub server_name: Option<String>,
    /// How many, by each of [`super::REASONS`].
    pub ends: Ends<u64>,
}

#[derive(Debug)]
pub struct Places {
    /// What a place comes to, by which its row is found. Keyed, so that nobody makes two the same; 0 for none.
    keys: [AtomicU64; ROWS],
    rows: Box<[Row]>,
    rest: Counted,
    named: Mutex<Named>,
    hash: RandomState,
}

#[derive(Debug, Default)]
struct Row {
    credit: AtomicU32,
    counted: Counted,
}

/// Whose the rows are.
#[derive(Debug, Default)]
struct Named {
    names: Vec<Name>,
    /// The row that a new place takes credit from.
    next: usize,
}

#[derive(Debug)]
struct Name {
    listener: String,
    site: String,
    server_name: Option<String>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            keys: [const { AtomicU64::new(0) }; ROWS],
            rows: std::iter::repeat_with(Row::default).take(ROWS).collect(),
            rest: Counted::default(),
            named: Mutex::default(),
            hash: RandomState::new(),
        }
    }
}

impl Places {
    /// A handshake ended so, at this place if it is known.
    pub fn ended(&self, reason: Reason, place: Option<Place<'_>>) {
        let row = place.and_then(|place| {
            let key = self.hash.hash_one(place).max(1);
            self.row(key).or_else(|| self.comes(key, place))
        });
        row.map_or(&self.rest, |row| &row.counted).add(reason, 1);
    }

    fn row(&self, key: u64) -> Option<&Row> {
        let at = self.keys.iter().position(|other| other.load(Relaxed) == key)?;
        let row = &self.rows[at];
        if row.credit.load(Relaxed) < CREDIT {
            row.credit.fetch_add(1, Relaxed);
        }
        Some(row)
    }

    /// A place comes that has no row; it has one from now on, or another has less credit.
    #[cold]
    fn comes(&self, key: u64, place: Place<'_>) -> Option<&Row> {
        let mut named = self.named.try_lock()?;
        // It may have come meanwhile.
        if let Some(row) = self.row(key) {
            return Some(row);
        }
        let at = named.next;
        named.next = (at + 1) % ROWS;
        let (row, its) = (&self.rows[at], &self.keys[at]);
        let credit = row.credit.load(Relaxed);
        if credit > 1 {
            row.credit.store(credit - 1, Relaxed);
            return None;
        }
        its.store(0, Relaxed);
        row.counted.move_to(&self.rest);
        let name = Name {
            listener: place.listener.to_owned(),
            site: place.site.to_owned(),
            server_name: place.server_name.map(str::to_owned),
        };
        match named.names.get_mut(at) {
            Some(before) => *before = name,
            None => named.names.push(name),
        }
        row.credit.store(1, Relaxed);
        its.store(key, Relaxed);
        Some(row)
    }

    /// Every place that has a row, those with most handshakes first, and then the rest.
    pub fn read(&self) -> Vec<Outcomes> {
        let named = self.named.try_lock_for(PATIENCE);
        let names = named.iter().flat_map(|named| &named.names);
        let mut read: Vec<Outcomes> = names
            .zip(&self.rows)
            .map(|(Name { listener, site, server_name }, row)| Outcomes {
                listener: listener.clone(),
                site: site.clone(),
                server_name: server_name.clone(),
                ends: row.counted.read(),
            })
            .collect();
        read.sort_by_key(|place| std::cmp::Reverse(place.handshakes()));
        let rest = || REST.to_owned();
        read.push(Outcomes { listener: rest(), site: rest(), server_name: Some(rest()), ends: self.rest.read() });
        read
    }
}

impl Outcomes {
    /// How many handshakes.
    pub fn handshakes(&self) -> u64 {
        self.ends.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place<'_> {
        Place { listener: "public", site: "shop", server_name: Some(name) }
    }

    fn named(places: &Places, name: &str) -> Option<u64> {
        let read = places.read();
        read.iter().find(|place| place.server_name.as_deref() == Some(name)).map(Outcomes::handshakes)
    }

    #[test]
    fn a_flood_of_names_takes_no_row_from_a_busy_place_and_loses_no_count() {
        let places = Places::default();
        for number in 0..100_000 {
            places.ended(Reason::NOTHING, Some(place(&number.to_string())));
            if number % 20 == 0 {
                places.ended(Reason::RESUMED, Some(place("busy")));
            }
        }
        places.ended(Reason::NOTHING, None);
        let read = places.read();
        assert_eq!(read.len(), ROWS + 1);
        assert_eq!((&*read[0].listener, read[0].server_name.as_deref()), ("public", Some("busy")));
        // Those before it had a row are among the rest.
        assert!(read[0].handshakes() > 4_900, "{}", read[0].handshakes());
        assert_eq!(read.iter().map(Outcomes::handshakes).sum::<u64>(), 105_001);
        assert_eq!(named(&places, "*"), Some(105_001 - read[..ROWS].iter().map(Outcomes::handshakes).sum::<u64>()));
    }

    #[test]
    fn a_place_that_nobody_visits_any_more_gives_way() {
        let places = Places::default();
        let times = CREDIT * 2;
        (0..times).for_each(|_| places.ended(Reason::NOTHING, Some(place("former"))));
        assert_eq!(named(&places, "former"), Some(times.into()));
        for number in 0..CREDIT * (ROWS as u32 + 1) {
            places.ended(Reason::NOTHING, Some(place(&number.to_string())));
        }
        assert_eq!(named(&places, "former"), None);
    }

    #[test]
    fn places_differ_by_each_of_their_names() {
        let places = Places::default();
        let all = [
            place("a"),
            Place { listener: "other", ..place("a") },
            Place { site: "other", ..place("a") },
            Place { server_name: None, ..place("a") },
        ];
        for at in all {
            places.ended(Reason::NOTHING, Some(at));
            places.ended(Reason::NOTHING, Some(at));
        }
        let read: Vec<_> = places.read().iter().map(Outcomes::handshakes).collect();
        assert_eq!(read, [2, 2, 2, 2, 0]);
    }

    #[test]
    fn threads_that_count_at_once_lose_nothing() {
        let places = Places::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let places = &places;
                scope.spawn(move || {
                    for number in 0..20_000 {
                        let name = ((number * 7 + thread) % 100).to_string();
                        places.ended(Reason::RESUMED, Some(place(&name)));
                    }
                });
            }
        });
        assert_eq!(places.read().iter().map(Outcomes::handshakes).sum::<u64>(), 80_000);
    }
}
