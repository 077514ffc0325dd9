//! Where handshakes end up, in programs that switch a connection to another context once a session was looked for: nginx does, by the
//! server name.
//!
//! A session must not resume where it was not made (CVE-2025-23419). So it is learned, for each context and server name, where the
//! handshake belonged in the end, and sessions are looked for as if it were there. Of a name that is not known yet, the handshake is
//! a full one.
//!
//! What is learned has a fixed place: a client that makes up names pushes out others now and then, each of which is learned again by
//! one full handshake.

use std::{
    convert::Infallible,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use arc_swap::ArcSwapOption;
use reprise_session::{lock::Mutex, process::PerProcess};

use super::places::Settled;

/// Names that are known at a time; a power of two.
const NAMES: usize = 1 << 14;

/// Places that are known. Of contexts beyond that nothing is learned.
const PLACES: usize = 1 << 10;

/// What was learned in one process. A configuration that is loaded anew comes with new processes in nearly every server.
#[derive(Default)]
struct Switches {
    keys: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    places: Vec<Settled>,
    /// Empty before the first is learned.
    names: Vec<Learned>,
}

/// A name and its place: 0 is none.
#[derive(Clone, Copy, Default)]
struct Learned {
    name: u64,
    place: u32,
}

/// A context and a server name, as they are known in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(u64);

static SWITCHES: ArcSwapOption<PerProcess<Switches>> = ArcSwapOption::const_empty();

fn switches() -> Arc<PerProcess<Switches>> {
    let Ok(switches) = PerProcess::here(&SWITCHES, || Ok::<_, Infallible>(Switches::default()));
    switches
}

/// What a handshake is known by that begins at `first`, is at `now` when its ClientHello was read, and asks for this server name.
pub fn name(first: &Settled, now: &Settled, server_name: Option<&str>) -> Name {
    let switches = switches();
    Name(
        switches.get().map_or(0, |switches| {
            switches.keys.hash_one((first.session_id_context, now.session_id_context, server_name))
        }),
    )
}

/// Where such a handshake ends up, if that is known.
pub fn place(name: Name) -> Option<Settled> {
    let switches = switches();
    let known = switches.get()?.known.lock();
    let learned = known.names.get(slots(name))?.iter().find(|learned| learned.name == name.0 && learned.place != 0)?;
    known.places.get(usize::try_from(learned.place).ok()? - 1).cloned()
}

/// Such a handshake has ended up there.
pub fn learn(name: Name, there: &Settled) {
    let switches = switches();
    let Some(switches) = switches.get() else { return };
    let known = &mut *switches.known.lock();
    let same = |known: &Settled| known.is(there);
    let place = known.places.iter().position(same).unwrap_or_else(|| {
        if known.places.len() < PLACES {
            known.places.push(there.clone());
        }
        known.places.len() - 1
    });
    if !known.places[place].is(there) {
        return;
    }
    if known.names.is_empty() {
        known.names = vec![Learned::default(); NAMES];
    }
    let learned = Learned { name: name.0, place: u32::try_from(place).unwrap_or(0) + 1 };
    let pair = &mut known.names[slots(name)];
    // Its own, or the one that was learned longer ago.
    if pair[0].name != name.0 && pair[0].place != 0 {
        if pair[1].name != name.0 {
            pair[1] = pair[0];
        } else {
            pair[1] = learned;
            return;
        }
    }
    pair[0] = learned;
}

/// Where a name may be.
fn slots(Name(name): Name) -> std::ops::Range<usize> {
    let pair = usize::try_from(name % (NAMES as u64 / 2)).unwrap_or(0) * 2;
    pair..pair + 2
}

#[cfg(test)]
mod tests {
    use reprise_session::session::{Epoch, RevocationLists};

    use super::*;
    use crate::facts::Place;

    fn settled(site: &str) -> Settled {
        let place = Place {
            listener: "public".into(),
            site: site.into(),
            epoch: Epoch::default(),
            revocation_lists: RevocationLists::default(),
        };
        Settled::at(place, 0)
    }

    #[test]
    fn a_name_is_unknown_until_it_is_learned_and_learned_anew() {
        let (a, b) = (settled("a"), settled("b"));
        let asked = name(&a, &a, Some("learned.example"));
        assert!(place(asked).is_none());
        learn(asked, &b);
        assert!(place(asked).unwrap().is(&b));
        learn(asked, &a);
        assert!(place(asked).unwrap().is(&a));
        assert!(place(name(&b, &a, Some("learned.example"))).is_none(), "another context");
        assert!(place(name(&a, &a, None)).is_none(), "no name");
    }

    #[test]
    fn names_that_are_made_up_leave_most_of_the_others_known() {
        let (first, there) = (settled("first"), settled("there"));
        let real: Vec<_> = (0..100).map(|i| name(&first, &first, Some(&format!("real-{i}.example")))).collect();
        real.iter().for_each(|name| learn(*name, &there));
        for i in 0..2_000 {
            learn(name(&first, &first, Some(&format!("made-up-{i}.example"))), &first);
        }
        let known = real.iter().filter(|name| place(**name).is_some_and(|place| place.is(&there))).count();
        assert!(known > 90, "{known}");
        for i in 0..100_000 {
            learn(name(&first, &first, Some(&format!("flood-{i}.example"))), &first);
        }
        real.iter().for_each(|name| learn(*name, &there));
        assert!(real.iter().all(|name| place(*name).is_some_and(|place| place.is(&there))), "one full handshake each");
    }
}
