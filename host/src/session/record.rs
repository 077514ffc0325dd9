//! The session record: what is stored under an id.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Border, SessionId};
use crate::{
    policy::{
        Notes,
        wit::types::{Certificate, Session, TlsVersion},
    },
    store::RecordBytes,
};

/// The encoding's version, the first byte of every record. Another one does not decode.
const VERSION: u8 = 1;

/// A kept session: the facts that decide about it, and the `SSL_SESSION` itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    /// Where it was made.
    pub border: Border,
    /// Its protocol version.
    pub version: TlsVersion,
    /// Its cipher suite's number in the IANA registry.
    pub cipher_suite: u16,
    /// Whether it was made with an extended master secret (RFC 7627); always true in TLS 1.3.
    pub extended_master_secret: bool,
    /// The protocol that ALPN selected.
    pub alpn: Option<String>,
    /// Time of the full handshake it descends from: seconds since the Unix epoch.
    pub authenticated: u64,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// TLS 1.3 resumptions since the full handshake.
    pub resumptions: u32,
    /// The client's leaf certificate.
    pub peer_certificate: Option<Certificate>,
    /// What policies attached.
    pub notes: Notes,
    /// `i2d_SSL_SESSION` of it. Holds the session's secrets.
    pub der: Secret,
}

/// Bytes that are zeroed when dropped and shown by nobody.
pub type Secret = Zeroizing<Vec<u8>>;

/// A record that does not decode.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It was written by another version of this encoding.
    #[error("a session record of version {found}; this build reads version {VERSION}")]
    Version {
        /// The version found; none in an empty record.
        found: u8,
    },
    /// Its content is malformed.
    #[error("a malformed session record: {0}")]
    Malformed(#[from] postcard::Error),
}

impl Record {
    /// The record as bytes.
    ///
    /// # Errors
    /// None that is known of; the serializer's type has one.
    pub fn encode(&self) -> Result<RecordBytes, RecordError> {
        // Sized beforehand, so that no reallocation leaves secrets behind in freed memory.
        let mut bytes = Vec::with_capacity(1 + postcard::experimental::serialized_size(self)?);
        bytes.push(VERSION);
        Ok(RecordBytes::new(postcard::to_extend(self, bytes)?))
    }

    /// The record in `bytes`.
    ///
    /// # Errors
    /// It is of another version, or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes {
            [VERSION, content @ ..] => Ok(postcard::from_bytes(content)?),
            [found, ..] => Err(RecordError::Version { found: *found }),
            [] => Err(RecordError::Version { found: 0 }),
        }
    }

    /// The facts that policies are given. Notes are added for each policy when it is asked.
    pub fn facts(&self, id: &SessionId, fetches: u32) -> Session {
        Session {
            id: id.as_bytes().to_vec(),
            version: self.version,
            cipher_suite: self.cipher_suite,
            server_name: self.border.server_name.clone(),
            alpn: self.alpn.clone(),
            authenticated: self.authenticated,
            expires: self.expires,
            resumptions: if self.version == TlsVersion::Tls13 { self.resumptions } else { fetches },
            peer_certificate: self.peer_certificate.clone(),
            note: None,
            attributes: Vec::new(),
        }
    }
}
