//! What crosses the seam: facts one way, answers the other. Plain data.
//!
//! What is alive, a decoded session, crosses as a [`Prototype`](reprise_session::session::Prototype), which only this crate can open
//! and which stays in its process.

mod given_up;
mod hello;
mod made;
mod noted;
mod offer;
mod outcome;
pub mod shared;
mod suites;

pub use self::{
    given_up::{Circumstances, Users},
    hello::{Able, Ahead, HelloFacts, HelloResponse, Here, Place, Turn},
    made::{ClientCertificate, Encoded, Made, SessionFacts, Ticket, Unencoded},
    noted::{Displaced, LeftAlone, Noted, Observed, Offered},
    offer::{OfferFacts, Renewal, Resumed, Stored},
    outcome::{EarlyData, Outcome, TLS13},
    suites::{EnabledSuites, Suites},
};
