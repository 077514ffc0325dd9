//! The host: what ties OpenSSL's callbacks, the policies and the store together.

mod builder;
mod error;
mod policies;
mod revoking;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::{Arc, mpsc},
    task::Waker,
    time::{Duration, Instant, SystemTime},
};

use openssl::{
    error::ErrorStack,
    ssl::{SslContextBuilder, SslRef},
};
use reprise_openssl::{
    Handler,
    hooks::{self, InstallError, Listener, Settings},
};
use reprise_policy::policies_dir::PolicyEvent;
use reprise_session::vital::Vital;
use reprise_store::store::{TierStatus, Usage};

pub use self::{
    builder::{HostBuilder, stand_between},
    error::BuildError,
    policies::Policies,
};
use crate::{
    consultation::Consultations,
    handshake::{Connection, ConnectionReport, Resources},
    living::{Snapshot, StartError},
    recent::{Clients, Query, QueryError, Recent},
};

/// Keeps and resumes the TLS sessions of every `SSL_CTX` that it is installed on, as its policies say.
///
/// Build one per process ([`Host::builder`]), install it on each context, and keep it for as long as the server runs: when it
/// is dropped, its callbacks stay where they are and do nothing any more. Contexts and connections may outlive it.
pub struct Host {
    inner: Arc<Inner>,
}

impl Host {
    /// A host with the defaults: no policies, a store in memory.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Registers the host on a context: OpenSSL's three session callbacks, the client-hello callback, the message callback, the id
    /// generator, the session ticket callback and the ticket key callback. Sets `SSL_OP_NO_TICKET`, `SSL_OP_NO_ANTI_REPLAY` and
    /// `SSL_OP_NO_RENEGOTIATION`, turns the internal cache off, and sets the number of TLS 1.3 tickets and the timeout.
    ///
    /// A TLS 1.3 ticket says how long its session resumes, and none is sent for a session that is not kept. Where
    /// OpenSSL cannot leave it out (before 3.0.8, or a session of more than 65,280 bytes), its lifetime is 0: clients
    /// discard it.
    ///
    /// An embedder that sets a client-hello callback over the host's afterwards must call [`crate::on_client_hello`] first in
    /// its own; one that sets a message callback must call [`crate::on_message`] in it; one that sets an id generator, or a session
    /// callback, turns resumption off; one that sets a ticket callback has clients told a wrong lifetime. There is no way to notice
    /// any of it beforehand; [`ConnectionReport::miss`] tells of all but the last. A message callback that was set before is
    /// replaced, and so is one of `SSL_CTX_set_allow_early_data_cb` ([`crate::allows_early_data`]).
    ///
    /// # Errors
    /// The context has session callbacks already, is for DTLS, or is a client's. It is then as it was.
    pub fn install(&self, context: &mut SslContextBuilder, listener: Listener) -> Result<(), InstallError> {
        let limits = &self.inner.resources.limits;
        let settings = Settings { timeout: limits.max_lifetime, tickets: limits.tickets };
        hooks::install(&self.inner.handler, context, listener, settings)
    }

    /// Tells policies the address of a connection's peer. Call it before the handshake, or in the
    /// client-hello callback; without it `peer` is none.
    ///
    /// # Errors
    /// OpenSSL is out of memory.
    pub fn attach(&self, ssl: &mut SslRef, peer: IpAddr) -> Result<(), ErrorStack> {
        hooks::attach(ssl, peer)
    }

    /// Says that a connection's next handshake may be interrupted while a store is asked for a session: whoever drives it handles
    /// `SSL_ERROR_WANT_CLIENT_HELLO_CB`. Call it before the handshake. Without it such an error never comes: then the look-up
    /// holds the thread, for at most [`HostBuilder::store_deadline`].
    ///
    /// After that error, call `SSL_accept` (or `SSL_read_early_data`) again once `waker` was woken, or at the instant that
    /// [`Host::pending_lookup`] says; sooner does no harm. An own client-hello callback that returns
    /// [`crate::HelloResponse::Retry`] gives the same error, and there is no look-up pending then.
    ///
    /// The waker is called on a thread of the store's. It must not use the connection there.
    ///
    /// `reprise::accept` (feature `tokio`) does all of this.
    ///
    /// # Errors
    /// OpenSSL is out of memory.
    pub fn handles_retry(&self, ssl: &mut SslRef, waker: &Waker) -> Result<(), ErrorStack> {
        hooks::wake_by(ssl, waker)
    }

    /// Until when a connection's handshake waits for a store; none if it does not wait for one. At that instant it is to be taken
    /// up again, answered or not.
    pub fn pending_lookup(&self, ssl: &SslRef) -> Option<Instant> {
        hooks::pending_lookup(ssl)
    }

    /// What became of a connection's handshake; none before its ClientHello. Where the hook was missed, [`reprise_session::session::Miss`]
    /// says so once a session was offered or made.
    pub fn connection(&self, ssl: &SslRef) -> Option<ConnectionReport> {
        hooks::with_handshakes(ssl, |handshakes, outcome| {
            handshakes.as_any().downcast_ref::<Connection>()?.report(outcome)
        })?
    }

    /// What the store holds.
    pub fn store_usage(&self) -> Usage {
        self.inner.resources.store.usage()
    }

    /// How each store is doing, and for how long there is this host.
    #[doc(hidden)]
    pub fn stores(&self) -> (Vec<TierStatus>, Duration) {
        (self.inner.resources.store.tiers(), self.inner.made.elapsed())
    }

    /// What happens to policies from now on: gone live, rejected, unloaded. Without a directory of policies nothing does.
    pub fn policy_events(&self) -> mpsc::Receiver<PolicyEvent> {
        self.inner.resources.living.policy_events()
    }

    /// What is decided about sessions from now on, as it is decided: why one resumes or not, and what each policy said.
    /// Handshakes do not wait for whoever listens, and cost nothing more where nobody does. In a forked child, listen anew.
    pub fn consultations(&self) -> Consultations {
        self.inner.resources.listeners.listen()
    }

    /// Handshakes of late, the last of those that are asked for, in their order; none where none are kept ([`HostBuilder::recent`]).
    ///
    /// # Errors
    /// What is kept of clients does not say which.
    pub fn recent(&self, query: &Query) -> Result<Vec<Recent>, QueryError> {
        self.inner.resources.recent.find(query)
    }

    /// How many handshakes are kept at the most, what of their clients, and how many there have been.
    #[doc(hidden)]
    pub fn recent_kept(&self) -> (usize, Clients, u64) {
        let ring = &self.inner.resources.recent;
        let (most, all) = ring.size();
        (most, ring.clients().clients(), all)
    }

    /// The policies of the directory: how each is doing, and what an operator may ask for.
    pub fn policies(&self) -> Policies {
        Policies::new(Arc::downgrade(&self.inner))
    }

    /// How the threads of the host and of its stores are doing.
    #[doc(hidden)]
    pub fn vitals(&self) -> Vec<Vital> {
        self.inner.vitals()
    }

    /// What decides, for hooks at the other end of a socket.
    #[cfg(feature = "agent")]
    pub(crate) fn handler(&self) -> &Arc<dyn Handler> {
        &self.inner.handler
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Starts again what a fork left behind: threads, policies. A forked child may call it before its first handshake;
    /// without it the first handshake starts this in the background, and sessions neither resume nor are kept until it is
    /// done. Does nothing where nothing is missing.
    ///
    /// # Errors
    /// The policies' directory is gone, or there is no memory for the engine.
    pub fn revive(&self) -> Result<(), StartError> {
        self.inner.resources.living.revive()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.inner.resources.living.stop();
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.inner.resources.limits).finish_non_exhaustive()
    }
}

/// What goes with the [`Host`]. Contexts and connections refer to its resources weakly.
pub struct Inner {
    pub resources: Arc<Resources>,
    handler: Arc<dyn Handler>,
    /// When it was made.
    pub since: SystemTime,
    /// The same by a clock that nobody sets.
    pub made: Instant,
}

impl Inner {
    /// Policies as they are now in this process; nothing is started for it.
    pub fn policies_now(&self) -> Snapshot {
        self.resources.living.policies_now()
    }

    /// How the threads of the host and of its stores are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        [self.resources.living.vitals(), self.resources.store.vitals()].concat()
    }

    /// Sessions given up that no policy was asked about, because too many came at once.
    pub fn removals_dropped(&self) -> u64 {
        self.resources.living.removals_dropped()
    }
}
