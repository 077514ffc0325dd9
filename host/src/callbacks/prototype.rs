//! A live session that is never handed out itself, only duplicated: what is in a [`Prototype`].

use std::sync::Arc;

use openssl::ssl::{SslSession, SslSessionRef};
use reprise_session::session::{Decoded, Prototype, Record};
use zeroize::Zeroizing;

use super::sessions;

/// A private `SSL_SESSION` to duplicate (`SSL_SESSION_dup`, 0.45 µs) instead of decoding DER: 4 µs, 230 µs with a client
/// certificate. It must be private: a session that a connection has marked not resumable stays so in every duplicate.
///
/// The facts that decide about the session come along, so that its record need not be decoded either.
pub struct LiveSession {
    session: SslSession,
    weight: usize,
    has_certificate: bool,
    record: Option<Arc<Record>>,
}

/// A prototype of a session that nothing else refers to, for a [`Store`](reprise_store::store::Store).
pub fn prototype(session: SslSession) -> Prototype {
    Prototype::new(LiveSession::new(session, None))
}

impl LiveSession {
    /// Takes over a session that nothing else refers to. Its weight: what OpenSSL 3.0 allocates for a session, and for a
    /// decoded certificate some four times its DER beside a fixed part; and the decoded record.
    fn new(session: SslSession, record: Option<Arc<Record>>) -> Self {
        const SESSION: usize = 1024;
        const CERTIFICATE: usize = 4096;
        let certificate = sessions::peer_certificate(&session);
        let has_certificate = certificate.is_some();
        let der = certificate.and_then(|certificate| certificate.to_der().ok());
        let decoded = record.as_ref().map_or(0, |record| record.heap_bytes());
        let weight = SESSION + der.map_or(0, |der| CERTIFICATE + 4 * der.len()) + decoded;
        Self { session, weight, has_certificate, record }
    }

    /// A prototype of `session`, which it takes over, with its record, which must be without its secrets.
    pub fn prototype(session: SslSession, record: Arc<Record>) -> Prototype {
        Prototype::new(Self::new(session, Some(record)))
    }

    /// The same of a duplicate of `session`; none if OpenSSL is out of memory.
    pub fn prototype_of(session: &SslSessionRef, record: Arc<Record>) -> Option<Prototype> {
        Some(Self::prototype(sessions::duplicate(session)?, record))
    }

    /// A fresh session for OpenSSL, of a prototype; none if OpenSSL is out of memory.
    pub fn duplicate(prototype: &Prototype) -> Option<SslSession> {
        sessions::duplicate(&prototype.open::<Self>()?.session)
    }

    /// The secret of a prototype's session.
    pub fn secret(prototype: &Prototype) -> Option<Zeroizing<Vec<u8>>> {
        Some(sessions::secret(&prototype.open::<Self>()?.session))
    }
}

impl Decoded for LiveSession {
    fn weight(&self) -> usize {
        self.weight
    }

    fn has_certificate(&self) -> bool {
        self.has_certificate
    }

    fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }
}
