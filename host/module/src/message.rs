//! A message to the agent, as it is put together: the calls of one connection, and what of them has a number.

use std::sync::Arc;

use reprise_openssl::facts::{HelloFacts, OfferFacts, Place};
use reprise_wire::{
    calls::{Calls, HelloAt},
    known::{Named, Said},
};

/// Calls of one connection.
#[derive(Default)]
pub struct Message {
    pub calls: Calls,
    /// What they name by its number.
    places: Vec<Named<Place>>,
    suites: Option<Named<Vec<u16>>>,
}

/// The places of a ClientHello.
pub struct Places {
    pub hooked: Named<Place>,
    /// With its verify mode.
    pub here: Option<(Named<Place>, i32)>,
}

/// What has been said on a pair of lines.
#[derive(Default)]
pub struct SaidHere {
    places: Said,
    suites: Said,
}

impl Message {
    /// `Handshakes::hello`
    pub fn hello(&mut self, hello: &HelloFacts<'_>, Places { hooked, here }: Places) {
        self.calls.hello_at(&HelloAt {
            turn: hello.turn,
            hello: Arc::clone(&hello.hello),
            peer: hello.peer,
            hooked: hooked.0,
            here: here.as_ref().map(|(place, verify_mode)| (place.0, *verify_mode)),
            learns: hello.learns,
        });
        let here = here.map(|(place, _)| place).filter(|place| place.0 != hooked.0);
        self.places.push(hooked);
        self.places.extend(here);
    }

    /// `Handshakes::offered`, and whether the session is here in decoded form.
    pub fn offered(&mut self, offer: &OfferFacts<'_>, suites: Named<Vec<u16>>, decoded: bool) {
        self.calls.offered_with(offer, suites.0, decoded);
        self.suites = Some(suites);
    }

    /// Says what its numbers name, where that was not said before.
    pub fn define(&self, said: &mut SaidHere, front: &mut Calls) {
        for Named(number, place) in &self.places {
            if said.places.first(*number) {
                front.place(*number, place);
            }
        }
        if let Some(Named(number, suites)) = &self.suites
            && said.suites.first(*number)
        {
            front.suites(*number, suites);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Forgets it, and what was secret in it.
    pub fn clear(&mut self) {
        self.calls.clear();
        self.places.clear();
        self.suites = None;
    }
}
