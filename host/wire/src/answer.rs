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

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed() -> Resumed {
        let renewal = Renewal {
            id: [9; 32].into(),
            ticket: Ticket::Kept { id: [9; 32].into(), lifetime: 60, most: 1_000, decoded_wanted: true },
            cipher_suite: 0x1301,
            alpn: None,
        };
        Resumed {
            id: [5; 32].into(),
            session: Stored::Der(Arc::new(Secret::new(b"a session".to_vec()))),
            expires: 1_800_000_000,
            early_data: true,
            certificate: Some(vec![3; 32]),
            ends: false,
            decoded_wanted: true,
            renewal: Some(Box::new(renewal)),
        }
    }

    fn crossed(says: Says<'_>) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::default();
        Answer { number: 7, says }.encode(&mut bytes);
        bytes
    }

    #[test]
    fn what_resumes_crosses_without_early_data() {
        let resumed = resumed();
        let bytes = crossed(Says::Resumes(Resumes::new(&resumed, false)));
        let Answer { number: 7, says: Says::Resumes(resumes) } = Answer::decode(&bytes).unwrap() else {
            panic!("another answer")
        };
        let there = resumes.resumed(None).unwrap();
        assert!(!there.early_data);
        assert!(matches!(&there.session, Stored::Der(der) if ***der == *b"a session"));
        assert_eq!((there.id, there.expires, there.certificate), (resumed.id, resumed.expires, resumed.certificate));
        assert_eq!((there.ends, there.decoded_wanted, there.renewal), (false, true, resumed.renewal));
    }

    #[test]
    fn what_the_module_has_is_not_sent_and_missed_where_it_has_it_not() {
        let resumed = resumed();
        let bytes = crossed(Says::Resumes(Resumes::new(&resumed, true)));
        assert!(!bytes.windows(9).any(|part| part == b"a session"));
        let Says::Resumes(resumes) = Answer::decode(&bytes).unwrap().says else { panic!("another answer") };
        assert!(resumes.resumed(None).is_none());
    }

    #[test]
    fn every_answer_that_is_cut_short_is_garbled() {
        let resumed = resumed();
        let ticket = resumed.renewal.as_ref().unwrap().ticket.clone();
        for says in [Says::Full, Says::Resumes(Resumes::new(&resumed, false)), Says::Ticket(ticket)] {
            let bytes = crossed(says);
            assert!(Answer::decode(&bytes).is_ok());
            assert!((0..bytes.len()).all(|length| Answer::decode(&bytes[..length]).is_err()));
        }
    }
}
