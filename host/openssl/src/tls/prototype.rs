//! A decoded session that is never handed out itself, only duplicated: what is in a [`Prototype`].

use openssl::ssl::{SslSession, SslSessionRef};
use reprise_session::session::{Decoded, Prototype, SessionId};
use zeroize::Zeroizing;

use super::sessions;

/// A private `SSL_SESSION` to duplicate (`SSL_SESSION_dup`, 0.45 µs) instead of decoding DER: 4 µs, 230 µs with a client
/// certificate. It must be private: a session that a connection has marked not resumable stays so in every duplicate.
struct Private {
    session: SslSession,
    weight: usize,
    has_certificate: bool,
}

/// A prototype of a session that nothing else refers to, for a store (`reprise::store::Store`).
///
/// Its weight: what OpenSSL 3.0 allocates for a session, and for a decoded certificate some four times its DER beside a fixed part.
pub fn prototype(session: SslSession) -> Prototype {
    const SESSION: usize = 1024;
    const CERTIFICATE: usize = 4096;
    let certificate = sessions::peer_certificate(&session);
    let has_certificate = certificate.is_some();
    let der = certificate.and_then(|certificate| certificate.to_der().ok());
    let weight = SESSION + der.map_or(0, |der| CERTIFICATE + 4 * der.len());
    Prototype::new(Private { session, weight, has_certificate })
}

/// The same of a duplicate of `session`; none if OpenSSL is out of memory.
pub fn prototype_of(session: &SslSessionRef) -> Option<Prototype> {
    Some(prototype(sessions::duplicate(session)?))
}

/// A fresh session for OpenSSL, of a prototype; none if OpenSSL is out of memory.
pub fn duplicate(prototype: &Prototype) -> Option<SslSession> {
    sessions::duplicate(&prototype.open::<Private>()?.session)
}

/// The secret of a session that is encoded as `der`: in TLS 1.2 the master secret, in TLS 1.3 the PSK. None if OpenSSL does not
/// take it.
pub fn secret(id: &SessionId, der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    sessions::decode(id, der).map(|session| sessions::secret(&session))
}

impl Decoded for Private {
    fn weight(&self) -> usize {
        self.weight
    }

    fn has_certificate(&self) -> bool {
        self.has_certificate
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        sessions::secret(&self.session)
    }
}
