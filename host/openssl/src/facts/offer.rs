//! A client offers a session.

use std::sync::Arc;

use reprise_session::session::{Prototype, Secret, SessionId};
use serde::{Deserialize, Serialize};

use super::{Able, ClientCertificate, SessionFacts, TLS13, Ticket};
use crate::hello::Proof;

/// A session that a client offers, and what it would have to agree with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfferFacts<'a> {
    /// Its id: the session id of TLS 1.2, the PSK identity of TLS 1.3.
    #[serde(with = "serde_bytes")]
    pub id: &'a [u8],
    /// The protocol version of the handshake, as a wire number.
    pub version: i32,
    /// Whether the connection has another context than the one that the client-hello hook settled on.
    pub switched: bool,
    /// What the connection is able to.
    #[serde(borrow)]
    pub able: Able<'a>,
    /// By which its owner is known, in TLS 1.3.
    #[serde(borrow)]
    pub proof: Option<Proof<'a>>,
}

/// A session that resumes.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// Its id.
    pub id: SessionId,
    /// The session.
    pub session: Stored,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// Whether 0-RTT data may be accepted with it.
    pub early_data: bool,
    /// SHA-256 of the client's certificate in it.
    pub certificate: Option<Vec<u8>>,
    /// Whoever offers it has not its secret, or offers it as it must not be. OpenSSL is to find that out, and ends the handshake as
    /// RFC 8446 section 4.2.11 or RFC 7627 section 5.3 wants it: it is handed the session with another secret.
    pub ends: bool,
    /// Whether it is worth keeping in decoded form ([`Handshakes::decoded`](crate::Handshakes::decoded)).
    pub decoded_wanted: bool,
    /// What was decided about the session that renews it, where that was asked in advance: over a socket, a resumption in TLS 1.3
    /// waits for one answer.
    pub renewal: Option<Box<Renewal>>,
}

/// What becomes of the session that a resumption in TLS 1.3 makes, if it is as it was thought to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The id that it is to have.
    pub id: SessionId,
    /// What becomes of it.
    pub ticket: Ticket,
    /// The cipher suite that it was thought to have.
    pub cipher_suite: u16,
    /// The protocol by ALPN that it was thought to have.
    pub alpn: Option<String>,
}

impl Renewal {
    /// Whether this was decided about that session.
    pub fn is_of(&self, session: &SessionFacts) -> bool {
        session.id == self.id.as_bytes()
            && session.version == TLS13
            && session.resumed
            && !session.switched
            && session.expected == 1
            && session.chain.is_none()
            && matches!(session.certificate, ClientCertificate::None | ClientCertificate::OfResumed)
            && session.cipher_suite == Some(self.cipher_suite)
            && session.alpn == self.alpn
    }
}

/// A session as it was kept.
#[derive(Clone, Debug)]
pub enum Stored {
    /// Its encoding (`i2d_SSL_SESSION`). It holds secrets.
    Der(Arc<Secret>),
    /// A decoded session of this process, to be duplicated.
    Decoded(Prototype),
}
