//! What became of a load's handshakes.

use std::{
    net::SocketAddr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{PATIENCE, Version};

/// One connection of a client's, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The client's address and port.
    pub client: Option<SocketAddr>,
    /// The only one that the client speaks.
    pub version: Version,
    /// Whether the client offered a session.
    pub offered: bool,
    /// When it began to connect.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// Whether it resumed, and why not; or what failed.
    pub outcome: Result<Outcome, String>,
}

/// How a handshake that completed, completed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// It resumed.
    pub resumed: bool,
    /// Why it did not, as the server tells.
    pub miss: Option<String>,
}

/// Handshakes in the order in which they ended.
#[derive(Default)]
pub struct Tally {
    handshakes: Mutex<Vec<Handshake>>,
    more: Condvar,
}

impl Tally {
    /// Counts one more.
    pub fn count(&self, handshake: Handshake) {
        self.lock().push(handshake);
        self.more.notify_all();
    }

    /// All so far.
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.lock().clone()
    }

    /// Waits until so many more have completed that began after this was called.
    pub fn goes_on(&self, more: usize) {
        let now = Instant::now();
        self.until(&format!("{more} more handshakes"), |handshakes| {
            handshakes.iter().filter(|one| one.began >= now && one.outcome.is_ok()).count() >= more
        });
    }

    /// Waits until so many in a row have resumed, of those that began after this was called and
    /// offered a session. Only TLS 1.3 is looked at: it makes a session at each resumption, so that
    /// no node has it but the one that made it, and the store.
    pub fn resumes(&self, in_a_row: usize) {
        let now = Instant::now();
        self.until(&format!("{in_a_row} resumptions in a row"), |handshakes| {
            let looked_at = |one: &&Handshake| one.began >= now && one.offered && one.version == Version::Tls13;
            let resumed = handshakes.iter().filter(looked_at).map(Handshake::resumed);
            resumed.fold(0, |row, resumed| {
                if row >= in_a_row {
                    row
                } else if resumed {
                    row + 1
                } else {
                    0
                }
            }) >= in_a_row
        });
    }

    /// Waits until one of a client that offered a session has missed for this reason, after this was called.
    pub fn misses(&self, reason: &str) {
        let now = Instant::now();
        self.until(&format!("a miss for `{reason}`"), |handshakes| {
            handshakes.iter().any(|one| one.began >= now && one.miss() == Some(reason))
        });
    }

    /// The share of those that resumed, of those that offered a session.
    pub fn share(&self) -> f64 {
        let handshakes = self.lock();
        let offered = handshakes.iter().filter(|one| one.offered);
        let resumed = offered.clone().filter(|one| one.resumed()).count();
        resumed as f64 / offered.count().max(1) as f64
    }

    /// A line for whoever reads the test's output: how many, how many resumed, why others did not.
    pub fn summary(&self) -> String {
        let handshakes = self.lock();
        let mut misses = std::collections::BTreeMap::<&str, usize>::new();
        handshakes.iter().filter_map(Handshake::miss).for_each(|miss| *misses.entry(miss).or_default() += 1);
        let offered = handshakes.iter().filter(|one| one.offered).count();
        let resumed = handshakes.iter().filter(|one| one.resumed()).count();
        let slowest = handshakes.iter().map(|one| one.took).max().unwrap_or_default();
        format!(
            "{} handshakes, {offered} offered a session, {resumed} resumed; misses: {misses:?}; the slowest took {slowest:?}",
            handshakes.len()
        )
    }

    /// Nothing failed.
    ///
    /// # Panics
    /// Something did.
    pub fn none_failed(&self) {
        self.none_failed_but(|_| false);
    }

    /// Nothing failed but what is `excused`, which is counted.
    ///
    /// # Panics
    /// Something else did.
    pub fn none_failed_but(&self, excused: impl Fn(&Handshake) -> bool) -> usize {
        let handshakes = self.lock();
        let (excused, failed): (Vec<_>, Vec<_>) =
            handshakes.iter().filter(|one| one.outcome.is_err()).partition(|one| excused(one));
        assert!(failed.is_empty(), "{} of {} handshakes failed: {failed:#?}", failed.len(), handshakes.len());
        excused.len()
    }

    fn until(&self, what: &str, reached: impl Fn(&[Handshake]) -> bool) {
        let handshakes = self.lock();
        // What has ended began before this.
        let past = handshakes.len();
        let waited = self.more.wait_timeout_while(handshakes, PATIENCE, |handshakes| !reached(&handshakes[past..]));
        let (handshakes, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(handshakes);
        assert!(!waited.timed_out(), "{what}: not within {PATIENCE:?}; {}", self.summary());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Handshake>> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshake {
    /// Whether it resumed.
    pub fn resumed(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|outcome| outcome.resumed)
    }

    /// Why the session offered did not resume.
    pub fn miss(&self) -> Option<&str> {
        self.outcome.as_ref().ok()?.miss.as_deref()
    }
}
