//! 0-RTT: whether it is taken, and whether the same is taken twice.

use super::{Outcome, Way};
use crate::cli::probe::line::{Failed, Flight, Visit};

/// What came of it.
pub(in super::super) struct Early {
    /// Sent with a session that allows it: whether it was accepted.
    pub(in super::super) once: Result<bool, Outcome>,
    /// A flight that the server has seen: whether its data was accepted the second time, and looks
    /// as if it was the first time.
    pub(in super::super) twice: Option<Result<Twice, Outcome>>,
}

/// The second time of a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Twice {
    pub(in super::super) accepted: bool,
    /// Both answers are as long, so that the first time is as the second.
    pub(in super::super) alike: bool,
}

impl Way<'_> {
    /// Sends 0-RTT data once, and if it is accepted, other data in one flight twice.
    pub(in super::super) fn early(&mut self) -> Early {
        let once = self.early_once();
        let twice = (once == Ok(true)).then(|| self.early_twice());
        Early { once, twice }
    }

    fn early_once(&mut self) -> Result<bool, Outcome> {
        let flight = self.flight()?;
        Ok(self.completed(flight)?.early)
    }

    fn early_twice(&mut self) -> Result<Twice, Outcome> {
        let flight = self.flight()?;
        let (_open, first) = flight.send(&self.home)?;
        let second = self.completed(flight)?;
        Ok(Twice { accepted: second.early, alike: first.is_some() && first == second.first_encrypted })
    }

    /// Of a session that allows it.
    fn flight(&mut self) -> Result<Flight, Outcome> {
        self.unused.retain(|session| session.max_early_data() > 0);
        let session = self.session()?;
        Ok(self.home.flight(&self.client, &session)?)
    }

    fn completed(&mut self, flight: Flight) -> Result<Visit, Failed> {
        let visit = flight.complete(&self.home, &self.client)?;
        Ok(self.keep(visit))
    }
}
