//! What handshakes are decided with. A host makes it and hands it in.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use reprise_policy::policy::{Budget, Chain, Decided};
use reprise_session::{
    clock::Clock,
    session::{Keyring, Record},
};
use reprise_store::{revocation::Revocations, store::Store};

use super::{
    HandshakeCounts,
    removal::{self, GivenUp},
};
use crate::{
    consultation::{Consultation, Listeners},
    living::{Slot, Work},
    recent::{self, Ring},
};

/// What handshakes are decided with.
pub struct Resources {
    pub limits: Limits,
    pub keyring: Arc<Keyring>,
    pub store: Arc<dyn Store>,
    pub revocations: Arc<Revocations>,
    pub counts: HandshakeCounts,
    pub listeners: Listeners,
    pub recent: Ring,
    pub clock: Clock,
    pub living: Arc<Slot<GivenUp>>,
}

/// The host's own bounds, whatever policies say.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Seconds that a session resumes where no policy has an opinion.
    pub lifetime: u64,
    /// Seconds from the full handshake after which nothing that descends from it resumes.
    pub max_lifetime: u64,
    /// TLS 1.3 tickets for each full handshake.
    pub tickets: usize,
    /// Bytes of an encoded session; larger ones are not kept.
    pub max_entry: usize,
    /// What all policies together may take of one handshake.
    pub policy_budget: Duration,
    /// How long a lookup in a store that answers later may hold a handshake.
    pub store_deadline: Duration,
}

impl Limits {
    /// The furthest that a session may resume: the absolute lifetime, counted from the full handshake, and the end of its
    /// client's certificates.
    pub fn furthest(&self, record: &Record) -> u64 {
        let lifetime = record.authenticated.saturating_add(self.max_lifetime);
        record.certificates_end().map_or(lifetime, |end| lifetime.min(end))
    }
}

impl Resources {
    /// What a host decides with: with a worker in the slot that `living` makes, which is given its work, and heard of by the store.
    pub fn new(
        (limits, recent): (Limits, recent::Options),
        keyring: Arc<Keyring>,
        store: Arc<dyn Store>,
        clock: Clock,
        living: impl FnOnce(Arc<Work<GivenUp>>) -> Slot<GivenUp>,
    ) -> Arc<Self> {
        let resources = Arc::new_cyclic(|owner: &Weak<Self>| {
            let owner = owner.clone();
            let work = move |queue: &_, heart: &_| removal::work(&owner, queue, heart);
            Self {
                limits,
                keyring,
                store,
                revocations: Arc::default(),
                counts: HandshakeCounts::default(),
                listeners: Listeners::default(),
                recent: Ring::new(recent),
                clock,
                living: Arc::new(living(Arc::new(work))),
            }
        });
        let owner = Arc::downgrade(&resources);
        resources.store.observe_removals(Arc::new(move |removed| {
            if let Some(resources) = owner.upgrade() {
                removal::queue_stored(&resources, removed);
            }
        }));
        let owner = Arc::downgrade(&resources);
        resources.store.observe_notices(Arc::new(move |notices| {
            if let Some(resources) = owner.upgrade() {
                resources.revocations.in_force.merge(&notices, resources.now());
            }
        }));
        resources
    }

    /// Tells what was decided to whoever listens, and has the policies in shadow mode among `policies` asked about it.
    /// Where there is nobody, `event` is not made.
    pub fn tell(&self, policies: Option<&Chain>, shadowed: Option<Arc<Decided>>, event: impl FnOnce() -> Consultation) {
        if shadowed.is_none() && !self.listeners.are_there() {
            return;
        }
        let event = Arc::new(Consultation { shadowed, ..event() });
        if let (Some(policies), Some(shadowed)) = (policies, &event.shadowed) {
            policies.compare(shadowed);
        }
        self.listeners.tell(&event);
    }

    /// Whether anybody wants to know what a look-up takes.
    pub fn are_watched(&self) -> bool {
        self.recent.is_on() || self.listeners.are_there()
    }

    /// Seconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// The policies in force; none in a forked child where they are being loaded again.
    pub fn chain(&self) -> Option<Arc<Chain>> {
        self.living.policies()
    }

    /// What all policies together may take of a handshake that begins now.
    pub fn budget(&self) -> Budget {
        Budget::new(self.limits.policy_budget)
    }
}
