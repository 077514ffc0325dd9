//! The other end: a TLS client that offers its sessions again, for whoever asks a server from
//! outside how it resumes.

use std::sync::Arc;

use foreign_types::ForeignType;
use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslVerifyMode, SslVersion},
    x509::X509,
};
use reprise_session::lock::Mutex;

use crate::{
    hello::{binder, transcript::Transcript},
    tls::{client, sessions},
};

pub use crate::tls::client::{early_data_accepted, has_signed};

/// A client of one protocol version, and the sessions that servers gave it. It verifies no
/// certificate: it tells servers nothing.
pub struct Client {
    context: SslContext,
    given: Arc<Mutex<Vec<Given>>>,
}

struct Given {
    session: SslSession,
    cipher_suite: u16,
}

/// A client's certificate, its issuers behind it, and its key.
pub struct Identity {
    /// The client's own comes first.
    pub chain: Vec<X509>,
    /// The key of that.
    pub key: PKey<Private>,
}

/// A session as a client has it.
pub struct ClientSession {
    given: Given,
    /// Whose it is.
    context: SslContext,
}

impl Client {
    /// A client that speaks this version alone, and in TLS 1.2 knows tickets (RFC 5077) or does
    /// not.
    ///
    /// # Errors
    /// OpenSSL's, for one where the system forbids the version.
    pub fn new(version: SslVersion, tickets: bool) -> Result<Self, ErrorStack> {
        let given = Arc::<Mutex<Vec<Given>>>::default();
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        context.set_min_proto_version(Some(version))?;
        context.set_max_proto_version(Some(version))?;
        context.set_verify(SslVerifyMode::NONE);
        // A server that just goes has ended the connection, and has not refused it.
        context.set_options(SslOptions::IGNORE_UNEXPECTED_EOF);
        if !tickets {
            context.set_options(SslOptions::NO_TICKET);
        }
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let to = Arc::clone(&given);
        context.set_new_session_callback(move |ssl, session| {
            let cipher_suite = ssl.current_cipher().map_or(0, |cipher| u16::from_be_bytes(cipher.protocol_id()));
            // A copy: what becomes of the connection marks its own.
            to.lock().extend(sessions::duplicate(&session).map(|session| Given { session, cipher_suite }));
        });
        Ok(Self { context: context.build(), given })
    }

    /// A connection that is to be made, under `server_name` if there is one, with `identity` if the
    /// server asks for one, and with `offered`.
    ///
    /// # Errors
    /// OpenSSL's; none that a session is the reason of, if this client was given it.
    pub fn connection(
        &self,
        server_name: Option<&str>,
        identity: Option<&Identity>,
        offered: Option<&ClientSession>,
    ) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        if let Some(name) = server_name {
            ssl.set_hostname(name)?;
        }
        if let Some(Identity { chain, key }) = identity {
            let (own, issuers) = chain.split_first().ok_or_else(ErrorStack::get)?;
            ssl.set_certificate(own)?;
            issuers.iter().try_for_each(|issuer| ssl.add_chain_cert(issuer.clone()))?;
            ssl.set_private_key(key)?;
        }
        if let Some(offered) = offered.filter(|offered| offered.context.as_ptr() == self.context.as_ptr()) {
            // A copy: once it has resumed, OpenSSL would offer it to nobody else (RFC 8446 appendix
            // C.4).
            let copy = sessions::duplicate(&offered.given.session).ok_or_else(ErrorStack::get)?;
            client::offer(&mut ssl, &copy)?;
        }
        Ok(ssl)
    }

    /// The sessions given since this was asked last.
    pub fn given(&self) -> Vec<ClientSession> {
        let given = std::mem::take(&mut *self.given.lock());
        given.into_iter().map(|given| ClientSession { given, context: self.context.clone() }).collect()
    }

    /// How many were given since.
    pub fn count(&self) -> usize {
        self.given.lock().len()
    }
}

impl ClientSession {
    /// The session id; empty for a ticket of TLS 1.2 whose server gave none.
    pub fn id(&self) -> &[u8] {
        self.given.session.id()
    }

    /// The ticket, if it has one: in TLS 1.3 always.
    pub fn ticket(&self) -> Option<Vec<u8>> {
        client::ticket(&self.given.session)
    }

    /// For how many seconds the server would have the ticket offered; 0 where it does not say.
    pub fn lifetime_hint(&self) -> u64 {
        client::lifetime_hint(&self.given.session)
    }

    /// How many bytes of 0-RTT data the server would have; 0 for none.
    pub fn max_early_data(&self) -> u32 {
        self.given.session.max_early_data()
    }

    /// The cipher suite of the connection that it was given on.
    pub fn cipher_suite(&self) -> u16 {
        self.given.cipher_suite
    }

    /// How long its binder is, in a ClientHello of TLS 1.3 that offers it; none where its cipher
    /// suite is not known.
    pub fn binder_length(&self) -> Option<usize> {
        binder::digest(self.cipher_suite()).map(|digest| digest.size())
    }

    /// Its binder (RFC 8446 section 4.2.11.2) in the ClientHello that `transcript` ends with, whose
    /// binder may be anything of that length.
    pub fn binder(&self, transcript: &Transcript) -> Option<Vec<u8>> {
        let digest = binder::digest(self.cipher_suite())?;
        let secret = sessions::secret(&self.given.session);
        let binder = binder::compute(digest, &secret, transcript.proof()?.transcript).ok()?;
        Some(binder[..digest.size()].to_vec())
    }
}
