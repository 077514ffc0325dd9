//! What handshakes add to. Every addition is one relaxed atomic one: they are on the way of a handshake.
//! A reader may see one count of a handshake and not yet the other.

use reprise_session::histogram::{Histogram, Reading, Scale};

use crate::funnel::Funnel;

/// Session ages: from the seconds in which a browser opens its next connection to the 7 days that RFC 8446 allows a ticket.
static AGES: Scale<12> =
    Scale { per_second: 1.0, bounds: [1, 10, 60, 300, 900, 3_600, 7_200, 21_600, 43_200, 86_400, 259_200, 604_800] };

/// The handshakes of one host.
#[derive(Debug)]
pub struct HandshakeCounts {
    /// How far each one came.
    pub funnel: Funnel,
    ages: Histogram<12>,
}

impl Default for HandshakeCounts {
    fn default() -> Self {
        Self { funnel: Funnel::default(), ages: Histogram::new(&AGES) }
    }
}

impl HandshakeCounts {
    /// A session was resumed whose client proved itself in full so many seconds ago.
    pub fn aged(&self, seconds: u64) {
        self.ages.observe(seconds);
    }

    /// Ages of the sessions resumed.
    pub fn ages(&self) -> Reading {
        self.ages.read()
    }
}
