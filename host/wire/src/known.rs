//! What is the same in many handshakes: places, and the cipher suites that are enabled. On a pair of lines it is said once, and has a
//! number from then on.
//!
//! Numbers are a process's, and go up. Each end remembers the last [`MOST`] of each kind; one that is used again after that is said
//! again.

use std::sync::Arc;

use reprise_openssl::facts::{Place, Suites};

/// How many of a kind are remembered.
pub const MOST: usize = 64;

/// What a process has given numbers to.
#[derive(Default)]
pub struct Numbers {
    places: Numbered<Place>,
    suites: Numbered<Vec<u16>>,
}

/// Something that has a number.
#[derive(Clone, Debug)]
pub struct Named<T>(pub u32, pub Arc<T>);

struct Numbered<T> {
    next: u32,
    /// By their slots.
    named: Vec<Named<T>>,
}

impl Numbers {
    /// The number of a place.
    pub fn place(&mut self, place: &Arc<Place>) -> Named<Place> {
        let known = self.places.find(|known| Arc::ptr_eq(known, place));
        // A program that makes a context for each connection makes equal places.
        let known = known.or_else(|| self.places.find(|known| known == place));
        known.unwrap_or_else(|| self.places.add(place.clone()))
    }

    /// The number of the suites enabled.
    pub fn suites(&mut self, suites: &Suites<'_>) -> Named<Vec<u16>> {
        self.suites.find(|known| suites.are(known)).unwrap_or_else(|| self.suites.add(Arc::new(suites.list())))
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { next: 0, named: Vec::new() }
    }
}

impl<T> Numbered<T> {
    fn find(&self, is: impl Fn(&Arc<T>) -> bool) -> Option<Named<T>> {
        self.named.iter().find(|Named(_, known)| is(known)).map(|Named(number, known)| Named(*number, known.clone()))
    }

    fn add(&mut self, new: Arc<T>) -> Named<T> {
        let number = self.next;
        self.next = number.wrapping_add(1);
        let named = Named(number, new.clone());
        match self.named.get_mut(slot(number)) {
            Some(before) => *before = named,
            None => self.named.push(named),
        }
        Named(number, new)
    }
}

/// The numbers of one kind that were said on a pair of lines.
#[derive(Default)]
pub struct Said(Vec<Option<u32>>);

impl Said {
    /// Whether what has this number is yet to be said; from now on it is not.
    pub fn first(&mut self, number: u32) -> bool {
        self.0.resize(MOST, None);
        self.0[slot(number)].replace(number) != Some(number)
    }
}

/// What has been heard of one kind on a pair of lines.
pub struct Heard<T>(Vec<Option<Named<T>>>);

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Heard<T> {
    /// This has this number from now on.
    pub fn hear(&mut self, number: u32, what: T) {
        self.0.resize_with(MOST, || None);
        self.0[slot(number)] = Some(Named(number, Arc::new(what)));
    }

    /// What has this number; none if it was not said, or too long ago.
    pub fn get(&self, number: u32) -> Option<Arc<T>> {
        let Named(heard, what) = self.0.get(slot(number))?.as_ref()?;
        (*heard == number).then(|| what.clone())
    }
}

fn slot(number: u32) -> usize {
    number as usize % MOST
}

#[cfg(test)]
mod tests {
    use reprise_session::session::{Epoch, RevocationLists};

    use super::*;

    fn place(site: usize) -> Arc<Place> {
        let (listener, site, epoch) = ("127.0.0.1:443".into(), site.to_string(), Epoch::default());
        Arc::new(Place { listener, site, epoch, revocation_lists: RevocationLists::default() })
    }

    #[test]
    fn what_is_the_same_has_one_number() {
        let mut numbers = Numbers::default();
        let places = [place(0), place(1), place(0)];
        let [zero, one, again] = places.each_ref().map(|place| numbers.place(place).0);
        assert_eq!((again, numbers.place(&places[1]).0), (zero, one));
        assert_ne!(zero, one);
        let mut suites = |list: &[u16]| numbers.suites(&Suites::Listed(list.to_vec())).0;
        let [two, three] = [&[1, 2][..], &[1, 2, 3]].map(&mut suites);
        assert_ne!(two, three);
        assert_eq!([&[1, 2][..], &[1, 2, 3]].map(&mut suites), [two, three]);
    }

    #[test]
    fn what_is_forgotten_is_said_again() {
        let (mut numbers, mut said, mut heard) = (Numbers::default(), Said::default(), Heard::default());
        let mut says = |site| {
            let Named(number, there) = numbers.place(&place(site));
            let first = said.first(number);
            if first {
                heard.hear(number, Place::clone(&there));
            }
            assert_eq!(heard.get(number), Some(there));
            first
        };
        assert!((0..MOST).all(&mut says));
        assert!(!(0..MOST).any(&mut says), "all are known");
        assert!(says(MOST), "one more");
        assert!(says(0) && !says(0), "the first had to make room");
        // A number that its end has given to something else since.
        heard.hear(MOST as u32, Place::clone(&place(7)));
        assert!(heard.get(0).is_none() && heard.get(2 * MOST as u32).is_none() && heard.get(MOST as u32).is_some());
        assert!(Heard::<Place>::default().get(0).is_none());
    }
}
