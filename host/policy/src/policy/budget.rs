//! What a handshake may spend on policies.

use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(3_600);

/// What a handshake may still spend on policies. One budget serves all calls of a handshake; each
/// takes what it used off it, waiting for an instance included.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    total: Duration,
    remaining: Duration,
}

impl Budget {
    /// A budget for one handshake: at most an hour, so that no deadline lies beyond what a clock can show.
    pub fn new(total: Duration) -> Self {
        let total = total.min(LONGEST);
        Self { total, remaining: total }
    }

    /// What is left.
    pub fn remaining(&self) -> Duration {
        self.remaining
    }

    /// What it was at first.
    pub(super) fn total(&self) -> Duration {
        self.total
    }

    /// Takes the time since `start` off, and gives the instant that ended it.
    pub(super) fn spend_since(&mut self, start: Instant) -> Instant {
        let now = Instant::now();
        self.remaining = self.remaining.saturating_sub(now.duration_since(start));
        now
    }
}
