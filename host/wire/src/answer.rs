//! What an agent answers.

use std::sync::Arc;

use reprise_openssl::facts::{Renewal, Resumed, Stored, Ticket};
use reprise_session::session::{Prototype, Secret, SessionId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Garbled;

/// The answer to the last of several calls.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer<'a> {
    /// The number that was asked under.
    pub number: u32,
    /// What is answered.
    #[serde(borrow)]
    pub says: Says<'a>,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub enum Says<'a> {
    /// To an offer: a full handshake.
    Full,
    /// To an offer: this resumes.
    Resumes(#[serde(borrow)] Resumes<'a>),
    /// To a ticket.
    Ticket(Ticket),
}

/// [`Resumed`], as it crosses.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resumes<'a> {
    id: SessionId,
    /// None where the module has it decoded. It holds secrets.
    #[serde(borrow)]
    der: Option<&'a serde_bytes::Bytes>,
    expires: u64,
    certificate: Option<[u8; 32]>,
    ends: bool,
    decoded_wanted: bool,
    renewal: Option<Box<Renewal>>,
}

impl<'a> Resumes<'a> {
    /// What a host answers; `decoded` where the module has the session.
    pub fn new(resumed: &'a Resumed, decoded: bool) -> Self {
        let der = match &resumed.session {
            Stored::Der(der) if !decoded => Some(serde_bytes::Bytes::new(der)),
            _ => None,
        };
        Self {
            id: resumed.id,
            der,
            expires: resumed.expires,
            certificate: resumed.certificate.as_deref().and_then(|digest| digest.try_into().ok()),
            ends: resumed.ends,
            decoded_wanted: resumed.decoded_wanted,
            renewal: resumed.renewal.clone(),
        }
    }

    /// What is handed to OpenSSL. None where the session is neither here nor there.
    pub fn resumed(self, decoded: Option<Prototype>) -> Option<Resumed> {
        let session = match (self.der, decoded) {
            (Some(der), _) => Stored::Der(Arc::new(Secret::new(der.to_vec()))),
            (None, Some(decoded)) => Stored::Decoded(decoded),
            (None, None) => return None,
        };
        Some(Resumed {
            id: self.id,
            session,
            expires: self.expires,
            early_data: false,
            certificate: self.certificate.map(Vec::from),
            ends: self.ends,
            decoded_wanted: self.decoded_wanted,
            renewal: self.renewal,
        })
    }
}

impl<'a> Answer<'a> {
    /// Written to `bytes`, which may then hold secrets.
    pub fn encode(&self, bytes: &mut Zeroizing<Vec<u8>>) {
        bytes.clear();
        if let Ok(written) = postcard::to_extend(self, std::mem::take(&mut **bytes)) {
            **bytes = written;
        }
    }

    /// Of bytes.
    ///
    /// # Errors
    /// They are of no answer.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Garbled> {
        postcard::from_bytes(bytes).map_err(|_| Garbled { expected: "an answer" })
    }
}
