//! The other end: a TLS client that offers its sessions again, for whoever asks a server from outside how it resumes.

use std::sync::Arc;

use foreign_types::ForeignType;
use openssl::{
    error::ErrorStack,
    ssl::{Ssl, SslContext, SslMethod, SslSession, SslSessionCacheMode, SslVerifyMode, SslVersion},
};
use reprise_session::lock::Mutex;

use crate::tls::client;

/// A client of one protocol version, and the sessions that servers gave it. It verifies no certificate: it tells servers nothing.
pub struct Client {
    context: SslContext,
    given: Arc<Mutex<Vec<SslSession>>>,
}

/// A session as a client has it.
pub struct ClientSession {
    session: SslSession,
    /// Whose it is.
    context: SslContext,
}

impl Client {
    /// A client that speaks this version alone.
    ///
    /// # Errors
    /// OpenSSL's, for one where the system forbids the version.
    pub fn new(version: SslVersion) -> Result<Self, ErrorStack> {
        let given = Arc::<Mutex<Vec<SslSession>>>::default();
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        context.set_min_proto_version(Some(version))?;
        context.set_max_proto_version(Some(version))?;
        context.set_verify(SslVerifyMode::NONE);
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let to = Arc::clone(&given);
        context.set_new_session_callback(move |_, session| to.lock().push(session));
        Ok(Self { context: context.build(), given })
    }

    /// A connection that is to be made, under `server_name` if there is one, and with `offered`.
    ///
    /// # Errors
    /// OpenSSL's; none that a session is the reason of, if this client was given it.
    pub fn connection(&self, server_name: Option<&str>, offered: Option<&ClientSession>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        if let Some(name) = server_name {
            ssl.set_hostname(name)?;
        }
        if let Some(offered) = offered.filter(|offered| offered.context.as_ptr() == self.context.as_ptr()) {
            client::offer(&mut ssl, &offered.session)?;
        }
        Ok(ssl)
    }

    /// The sessions given since this was asked last.
    pub fn given(&self) -> Vec<ClientSession> {
        let given = std::mem::take(&mut *self.given.lock());
        given.into_iter().map(|session| ClientSession { session, context: self.context.clone() }).collect()
    }

    /// How many were given since.
    pub fn count(&self) -> usize {
        self.given.lock().len()
    }
}

impl ClientSession {
    /// The session id; empty for a ticket of TLS 1.2 whose server gave none.
    pub fn id(&self) -> &[u8] {
        self.session.id()
    }

    /// The ticket, if it has one: in TLS 1.3 always.
    pub fn ticket(&self) -> Option<Vec<u8>> {
        client::ticket(&self.session)
    }

    /// For how many seconds the server would have the ticket offered; 0 where it does not say.
    pub fn lifetime_hint(&self) -> u64 {
        client::lifetime_hint(&self.session)
    }
}
