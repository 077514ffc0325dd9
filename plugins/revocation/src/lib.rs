//! Policy: sessions of revoked client certificates are neither kept nor resumed.
//!
//! A resumption does not show the certificate again, so OpenSSL does not look at a revocation list either: without a policy, a
//! session made before the revocation resumes until it expires. See README.md for the settings.

#![deny(unsafe_code)]

use std::collections::BTreeSet;

use reprise_sdk::{
    Certificate,
    certificate::{Fingerprint, Serial},
    prelude::*,
};

/// The certificates that are revoked. By default none.
#[derive(Default)]
pub struct Revocation {
    marks: BTreeSet<Mark>,
}

/// What a revoked certificate is known by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Certificate(Fingerprint),
    PublicKey(Fingerprint),
    /// Of whatever issuer.
    Serial(Serial),
    /// Of this issuer, whose name is as RFC 2253 writes it.
    SerialOf(String, Serial),
}

impl Policy for Revocation {
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        let mut marks = BTreeSet::new();
        marks.extend(settings.all("fingerprint")?.into_iter().map(Mark::Certificate));
        marks.extend(settings.all("public-key")?.into_iter().map(Mark::PublicKey));
        marks.extend(settings.all("serial")?.into_iter().map(Mark::Serial));
        for (issuer, serials) in settings.tables::<String, Vec<Serial>>("issuer", |table| table.all("serial"))? {
            marks.extend(serials.into_iter().map(|serial| Mark::SerialOf(issuer.clone(), serial)));
        }
        Ok(Self { marks })
    }

    fn new_session(&self, _: &Connection, session: &Session) -> NewVerdict {
        if self.revokes_client_of(session) { NewVerdict::Refuse } else { NewVerdict::no_opinion() }
    }

    fn get_session(&self, _: &Connection, candidate: &Session) -> GetVerdict {
        if self.revokes_client_of(candidate) { GetVerdict::FullHandshake } else { GetVerdict::Resume }
    }
}

impl Revocation {
    fn revokes_client_of(&self, session: &Session) -> bool {
        let revoked = session.peer_certificate.as_ref().is_some_and(|certificate| self.revokes(certificate));
        if revoked {
            observe::count("revoked", 1);
        }
        revoked
    }

    fn revokes(&self, certificate: &Certificate) -> bool {
        let (Some(fingerprint), Some(public_key)) = (certificate.fingerprint(), certificate.public_key()) else {
            // Not what the interface promises: nothing can be said of it, so it is not trusted either.
            return true;
        };
        let serial = certificate.serial_number();
        let marks = [
            Mark::Certificate(fingerprint),
            Mark::PublicKey(public_key),
            Mark::Serial(serial.clone()),
            Mark::SerialOf(certificate.issuer.clone(), serial),
        ];
        marks.iter().any(|mark| self.marks.contains(mark))
    }
}

reprise_sdk::export!(Revocation: new_session, get_session);

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_sdk::testing::{certificate, configured, connection, counted, session};

    /// The fingerprints of [`certificate`].
    const CERTIFICATE: &str = "2222222222222222222222222222222222222222222222222222222222222222";
    const PUBLIC_KEY: &str = "3333333333333333333333333333333333333333333333333333333333333333";

    fn policy(settings: &[(&str, &str)]) -> Revocation {
        configured(settings).unwrap()
    }

    fn of(certificate: Certificate) -> Session {
        Session { peer_certificate: Some(certificate), ..session() }
    }

    fn verdicts(policy: &Revocation, session: &Session) -> (NewVerdict, GetVerdict) {
        (policy.new_session(&connection(), session), policy.get_session(&connection(), session))
    }

    fn refused() -> (NewVerdict, GetVerdict) {
        (NewVerdict::Refuse, GetVerdict::FullHandshake)
    }

    fn no_opinion() -> (NewVerdict, GetVerdict) {
        (NewVerdict::no_opinion(), GetVerdict::Resume)
    }

    #[test]
    fn a_certificate_that_is_listed_in_any_way_is_neither_kept_nor_resumed() {
        for listed in [
            ("fingerprint", CERTIFICATE),
            ("public-key", PUBLIC_KEY),
            ("serial", "0A:1B"),
            ("issuer.CN=Client CA,O=Example.serial", "a1b"),
        ] {
            assert_eq!(verdicts(&policy(&[listed]), &of(certificate())), refused(), "{listed:?}");
        }
        assert_eq!(counted("revoked"), 8);
    }

    #[test]
    fn other_certificates_are_left_alone() {
        let policy = policy(&[
            ("fingerprint", PUBLIC_KEY),
            ("public-key", CERTIFICATE),
            ("serial", "0a1c"),
            ("issuer.CN=Client CA,O=Example.serial", "0a1c"),
        ]);
        assert_eq!(verdicts(&policy, &of(certificate())), no_opinion());
        assert_eq!(verdicts(&policy, &session()), no_opinion());
        assert_eq!(verdicts(&Revocation::default(), &of(certificate())), no_opinion());
    }

    #[test]
    fn a_serial_number_of_one_issuer_is_not_revoked_for_another() {
        let policy = policy(&[("issuer.CN=Client CA,O=Example.serial", "0a1b")]);
        let of_another = Certificate { issuer: "CN=Other CA,O=Example".into(), ..certificate() };
        assert_eq!(verdicts(&policy, &of(of_another)), no_opinion());
    }

    #[test]
    fn an_issuer_may_have_dots_in_its_name() {
        let policy = policy(&[("issuer.CN=ca.example.serial", "0a1b")]);
        let issued = Certificate { issuer: "CN=ca.example".into(), ..certificate() };
        assert_eq!(verdicts(&policy, &of(issued)), refused());
    }

    #[test]
    fn every_entry_of_a_list_counts() {
        let policy = policy(&[("serial", "01"), ("serial", "0a1b"), ("serial", "02")]);
        assert_eq!(verdicts(&policy, &of(certificate())), refused());
    }

    #[test]
    fn an_entry_that_cannot_be_read_rejects_the_policy_and_is_named() {
        for (setting, message) in [
            (("serial", "12 34"), "setting `serial`: expected a serial number in hexadecimal"),
            (("fingerprint", "abcd"), "setting `fingerprint`: expected a SHA-256 fingerprint"),
            (("public-key", ""), "setting `public-key`: expected a SHA-256 fingerprint"),
            (("issuer.CN=ca.example.serial", "x"), "setting `issuer.CN=ca.example.serial`: expected a serial"),
            (("issuer.CN=ca.serials", "1"), "unknown setting `issuer.CN=ca.serials`"),
            (("fingerprints", CERTIFICATE), "unknown setting `fingerprints`"),
        ] {
            let error = configured::<Revocation>(&[setting]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(message), "{setting:?}: {error}");
        }
    }
}
