//! A session was made.

use reprise_session::{
    session::{Prototype, Secret, SessionId, VerifiedChain},
    verdict::wit::types::Certificate,
};
use serde::{Deserialize, Serialize};

/// A session that OpenSSL has made, without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// Its id.
    #[serde(with = "serde_bytes")]
    pub id: Vec<u8>,
    /// Its protocol version as a wire number.
    pub version: i32,
    /// Its cipher suite's IANA number; none if OpenSSL has none.
    pub cipher_suite: Option<u16>,
    /// Whether OpenSSL takes part in extended master secrets here (RFC 7627).
    pub extended_master_secret: bool,
    /// The protocol that ALPN selected, where it is UTF-8.
    pub alpn: Option<String>,
    /// Whether it renews a session that was resumed (`SSL_session_reused`).
    pub resumed: bool,
    /// Whether the connection has another context than the one that the client-hello hook settled on.
    pub switched: bool,
    /// How many sessions this handshake makes.
    pub expected: usize,
    /// The client's certificate.
    pub certificate: ClientCertificate,
    /// The client's chain as this connection has verified it; none if it has not.
    pub chain: Option<VerifiedChain>,
}

/// The client's leaf certificate in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientCertificate {
    /// There is none.
    None,
    /// It is that of the session resumed.
    OfResumed,
    /// It is this one.
    Own(Box<Certificate>),
    /// OpenSSL could not give a fact of it, or of its chain.
    Unreadable,
}

/// What becomes of a session made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ticket {
    /// It is not kept, and no ticket is sent for it.
    Withheld,
    /// It is kept, and its encoding handed over ([`Handshakes::made`](crate::Handshakes::made)).
    Kept {
        /// Its id.
        id: SessionId,
        /// For how many seconds it resumes, which the ticket tells the client.
        lifetime: u64,
        /// How many bytes its encoding may take.
        most: usize,
        /// Whether it is worth keeping in decoded form too.
        decoded_wanted: bool,
    },
}

/// A session that is kept.
#[derive(Debug)]
pub struct Made {
    /// Its id.
    pub id: SessionId,
    /// What there is of it.
    pub encoding: Result<Encoded, Unencoded>,
}

/// A session's encoding.
#[derive(Debug)]
pub struct Encoded {
    /// `i2d_SSL_SESSION`. It holds secrets.
    pub der: Secret,
    /// The session in decoded form, if that was wanted and there is memory for it.
    pub decoded: Option<Prototype>,
}

/// Why there is no encoding. No ticket is sent, then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unencoded {
    /// OpenSSL does not encode it.
    Unreadable,
    /// It takes this many bytes, more than it may.
    TooLarge(usize),
}
