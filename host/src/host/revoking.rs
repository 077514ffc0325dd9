//! Sessions taken back before their time.

use std::time::Duration;

use reprise_store::revocation::{Matcher, Revocation, Revoking};

use super::Host;

impl Host {
    /// Revokes the sessions that `matcher` names and that go back to a full handshake at `until` or before, in seconds since the
    /// Unix epoch (none: until now), and [`ALLOWANCE`](reprise_store::revocation::ALLOWANCE) beyond.
    ///
    /// When this returns, none of them resumes here any more, nor is renewed. The future says which other nodes know, once
    /// each had `wait` to say so. It needs no runtime of its own.
    ///
    /// # Errors
    /// The future's: the store did not take it. It holds here, and the store is told again until it has it.
    pub fn revoke(&self, matcher: Matcher, until: Option<u64>, wait: Duration) -> Revoking {
        let resources = &self.inner.resources;
        let now = resources.now();
        let revocation = Revocation::new(matcher, until.unwrap_or(now), now, resources.limits.max_lifetime);
        resources.revocations.revoke(&*resources.store, revocation, wait)
    }
}
