//! What the interface's records can say of themselves.

use std::net::IpAddr;

use crate::{
    Certificate, Connection, NewVerdict, Terms,
    certificate::{Fingerprint, Serial},
    network,
};

impl Connection {
    /// The peer's address, if the host knows it; an IPv4-mapped IPv6 address as IPv4.
    pub fn peer_address(&self) -> Option<IpAddr> {
        Some(network::canonical(self.peer.as_deref()?.parse().ok()?))
    }
}

impl Certificate {
    /// The SHA-256 of the certificate's DER encoding; `None` only if the host broke the interface (it is not 32 bytes long).
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Fingerprint::from_bytes(&self.sha256)
    }

    /// The SHA-256 of the public key (SubjectPublicKeyInfo), which stays when a certificate is renewed with its key.
    pub fn public_key(&self) -> Option<Fingerprint> {
        Fingerprint::from_bytes(&self.spki_sha256)
    }

    /// The serial number.
    pub fn serial_number(&self) -> Serial {
        Serial::from_bytes(&self.serial)
    }

    /// Whether `now` (seconds since the Unix epoch) lies in the validity period, both ends included (RFC 5280 section 4.1.2.5).
    pub fn is_valid_at(&self, now: u64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// The subjectAltName entries of one kind: `dns`, `email`, `uri` or `ip`.
    pub fn names(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.alternative_names.iter().filter(move |(k, _)| k == kind).map(|(_, name)| name.as_str())
    }
}

impl NewVerdict {
    /// Nothing against the session, and no terms asked for.
    pub fn no_opinion() -> Self {
        NewVerdict::Keep(Terms::default())
    }
}

impl Default for Terms {
    /// No opinion on any of them.
    fn default() -> Self {
        Self { lifetime: None, single_use: None, reach: None, priority: None, note: None, attributes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn a_certificate_is_valid_up_to_and_including_both_ends() {
        let certificate = testing::certificate();
        assert!(!certificate.is_valid_at(certificate.not_before - 1));
        assert!(certificate.is_valid_at(certificate.not_before));
        assert!(certificate.is_valid_at(certificate.not_after));
        assert!(!certificate.is_valid_at(certificate.not_after + 1));
    }

    #[test]
    fn alternative_names_are_told_apart_by_kind() {
        let mut certificate = testing::certificate();
        certificate.alternative_names =
            vec![("dns".into(), "a.example".into()), ("uri".into(), "spiffe://a.example/x".into())];
        assert_eq!(certificate.names("uri").collect::<Vec<_>>(), ["spiffe://a.example/x"]);
    }
}
