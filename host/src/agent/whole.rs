//! Sessions as an agent has them at hand: their encoding, and beside it a record that need not be decoded. Decoded sessions are the
//! modules' affair; the store keeps these in their place.

use std::{mem, sync::Arc};

use reprise_openssl::{
    facts::{Resumed, Stored},
    secret,
};
use reprise_session::session::{Decoded, Prototype, Secret, SessionId};
use zeroize::Zeroizing;

/// A session's encoding.
struct Whole {
    id: SessionId,
    der: Arc<Secret>,
    has_certificate: bool,
}

/// A session that is kept at hand.
fn at_hand(id: SessionId, der: Arc<Secret>, has_certificate: bool) -> Prototype {
    Prototype::new(Whole { id, der, has_certificate })
}

/// What resumes, with its encoding; and what is to be kept at hand of it: where it comes again, as in TLS 1.2, its record is decoded
/// once. None if it has no encoding.
pub fn encoded(mut resumed: Resumed) -> Option<(Resumed, Option<Prototype>)> {
    let keeps = match &resumed.session {
        Stored::Der(der) => {
            let has_certificate = resumed.certificate.is_some();
            resumed.decoded_wanted.then(|| at_hand(resumed.id, der.clone(), has_certificate))
        }
        Stored::Decoded(session) => {
            let der = session.open::<Whole>()?.der.clone();
            resumed.session = Stored::Der(der);
            resumed.decoded_wanted = true;
            None
        }
    };
    Some((resumed, keeps))
}

impl Decoded for Whole {
    fn weight(&self) -> usize {
        self.der.len() + mem::size_of::<Self>()
    }

    fn has_certificate(&self) -> bool {
        self.has_certificate
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        secret(&self.id, &self.der).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(session: Stored) -> Resumed {
        Resumed {
            id: [5; 32].into(),
            session,
            expires: 1,
            early_data: false,
            certificate: Some(vec![3; 32]),
            ends: false,
            decoded_wanted: false,
            renewal: None,
        }
    }

    fn der(session: &Stored) -> Option<&[u8]> {
        if let Stored::Der(der) = session { Some(der) } else { None }
    }

    #[test]
    fn what_is_at_hand_crosses_as_its_encoding() {
        let fresh = || Stored::Der(Arc::new(Secret::new(b"a session".to_vec())));
        let (_, keeps) = encoded(resumed(fresh())).unwrap();
        assert!(keeps.is_none(), "it is not wanted");
        let (first, keeps) = encoded(Resumed { decoded_wanted: true, ..resumed(fresh()) }).unwrap();
        let keeps = keeps.unwrap();
        assert!(first.decoded_wanted && keeps.has_certificate() && keeps.weight() > 9);
        let (again, keeps) = encoded(resumed(Stored::Decoded(keeps))).unwrap();
        assert_eq!((der(&again.session), keeps.is_none()), (Some(&b"a session"[..]), true));
        assert!(again.decoded_wanted, "another process of the program may not have it");
    }
}
