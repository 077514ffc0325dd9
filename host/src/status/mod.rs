//! How a host is doing, in one piece: for a status page, a command, a test. What only grows is in [`crate::metrics`] too.

mod funnel;
mod policies;

use std::{collections::BTreeMap, process, sync::OnceLock};

use reprise_session::clock::unix_seconds;
use reprise_store::{
    revocation,
    store::{TierStatus, Usage},
};
use serde::{Deserialize, Serialize};

pub(crate) use self::policies::policies;
pub use self::{
    funnel::{Funnel, Outcome, Passed, Place, reasons},
    policies::{Comparison, Policy, Rejection, State},
};
use crate::{Host, funnel::VERSIONS, host::Inner};
pub use reprise_session::vital::Vital;

/// How a host is doing. Times are seconds since the Unix epoch, by the system's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// Reprise's version.
    pub version: String,
    /// The process's id.
    pub process: u32,
    /// When this was so.
    pub now: u64,
    /// When the host was made.
    pub since: u64,
    /// Every policy: those that have been live in the order in which they are asked, then the others by file name.
    pub policies: Vec<Policy>,
    /// What the linear memories of all policies' instances take.
    #[serde(default)]
    pub policy_memory: PolicyMemory,
    /// Handshakes completed since the host was made, by version of TLS.
    pub handshakes: Vec<Handshakes>,
    /// How often each reason was why an offered session did not resume: all of [`reprise_session::session::Miss::REASONS`].
    pub misses: BTreeMap<String, u64>,
    /// How far each of those handshakes came on the way to a resumption, and why no further.
    #[serde(default)]
    pub funnel: Funnel,
    /// Sessions given up that no policy was asked about, because too many came at once.
    pub removals_dropped: u64,
    /// What is revoked.
    pub revocations: Revocations,
    /// What the stores hold, all together.
    pub store: Usage,
    /// How each store is doing, the nearest first.
    pub stores: Vec<TierStatus>,
    /// How the threads and tasks are doing without which the process would only seem to work.
    #[serde(default)]
    pub vitals: Vec<Vital>,
    /// What the log of this process lacks, if it is that of `reprise serve`.
    #[serde(default)]
    pub log: Log,
}

/// Lines that a log lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// They could not be written, or not as fast as they came.
    pub unwritten: u64,
    /// Lines of the same cause had taken its share of the second.
    pub repeated: u64,
}

/// Says what this process's log lacks.
static LOSSES: OnceLock<fn() -> Log> = OnceLock::new();

impl Log {
    /// Of this process's log, since it began.
    pub(crate) fn now() -> Self {
        LOSSES.get().map_or_else(Self::default, |losses| losses())
    }

    /// From now on `losses` says what this process's log lacks. The first one to say so counts.
    #[doc(hidden)]
    pub fn lacks(losses: fn() -> Self) {
        let _ = LOSSES.set(losses);
    }
}

/// Linear memory of all policies' instances together, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyMemory {
    /// What it takes.
    pub taken: u64,
    /// The most that it is to take ([`reprise_policy::policy::RuntimeOptions::memory_of_all`]).
    pub most: u64,
}

/// Handshakes completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshakes {
    /// The version of TLS: `1.0` to `1.3`.
    pub version: String,
    /// In full.
    pub full: u64,
    /// By resuming a session.
    pub resumed: u64,
}

/// What is revoked on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// Revocations in force, one for each key.
    pub in_force: usize,
    /// How many of them other nodes have not been told of, for the store cannot be reached.
    pub untold: usize,
    /// The one that goes furthest, for whoever may know what is revoked: not on `--admin`.
    pub newest: Option<Revocation>,
}

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Of which sessions, by [`reprise_store::revocation::Matcher::kind`].
    pub kind: String,
    /// Of which sessions, in words.
    pub sessions: String,
    /// Those that go back to a full handshake at this time or before.
    pub authenticated_until: u64,
    /// When it is forgotten.
    pub expires: u64,
}

impl From<&revocation::Revocation> for Revocation {
    fn from(revocation: &revocation::Revocation) -> Self {
        Self {
            kind: revocation.matcher.kind().into(),
            sessions: revocation.matcher.to_string(),
            authenticated_until: revocation.before,
            expires: revocation.expires,
        }
    }
}

impl Host {
    /// How the host is doing. Takes the store's locks for a moment, and allocates: not on a handshake's thread.
    pub fn status(&self) -> Status {
        Status::of(self.inner())
    }
}

impl Status {
    fn of(host: &Inner) -> Self {
        let counted = VERSIONS.iter().zip(host.resources.counts.funnel.handshakes());
        let handshakes =
            counted.map(|((version, _), [full, resumed])| Handshakes { version: (*version).into(), full, resumed });
        let in_force = host.resources.revocations.in_force.list();
        let snapshot = host.policies_now();
        let (taken, most) = snapshot.memory;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            process: process::id(),
            now: host.resources.now(),
            since: unix_seconds(host.since),
            policies: policies(&snapshot),
            policy_memory: PolicyMemory { taken: taken as u64, most: most as u64 },
            handshakes: handshakes.collect(),
            misses: host.resources.counts.funnel.misses().map(|(reason, count)| (reason.into(), count)).collect(),
            funnel: Funnel::of(&host.resources.counts.funnel),
            removals_dropped: host.removals_dropped(),
            revocations: Revocations {
                in_force: in_force.len(),
                untold: host.resources.revocations.untold(),
                newest: in_force.first().map(Revocation::from),
            },
            store: host.resources.store.usage(),
            stores: host.resources.store.tiers(),
            vitals: host.vitals(),
            log: Log::now(),
        }
    }
}
