//! What becomes of handshakes: each one that is complete is counted once, by how far it came on the way to a resumption
//! ([`Step`](reprise_session::session::Step)) and why no further. So sums hold: what goes in comes out with a name.
//!
//! - `reason`: why a handshake came no further
//! - `counts`: how often, by version of TLS
//! - `places`: the same by listener, site and server name, of which a bounded number is told apart
//!
//! Every addition is a relaxed atomic one, for they are on the way of a handshake. A reader may see one count of a handshake and not
//! yet the other.

mod counts;
mod places;
mod reason;

pub use self::{
    counts::{Funnel, VERSIONS},
    places::{Outcomes, Place},
    reason::{REASONS, Reason},
};
