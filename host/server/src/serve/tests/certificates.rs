//! Certificates for tests.

use std::{fs, path::PathBuf};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        CrlNumber, X509, X509Builder, X509CrlBuilder, X509Name, X509RevokedBuilder,
        extension::{AuthorityKeyIdentifier, BasicConstraints, SubjectAlternativeName, SubjectKeyIdentifier},
    },
};

/// A certificate and its key, in `DIR/NAME.crt` and `DIR/NAME.key`.
pub(in crate::serve) struct Issued {
    pub(super) cert: X509,
    pub(super) key: PKey<Private>,
}

/// A directory of certificates.
pub(in crate::serve) struct Files(tempfile::TempDir);

impl Files {
    pub(in crate::serve) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(in crate::serve) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// A certificate for `name`, issued by `issuer` or self-signed, written to NAME.crt and NAME.key.
    pub(in crate::serve) fn issue(&self, name: &str, issuer: Option<&Issued>) -> Issued {
        let issued = issue(name, issuer);
        fs::write(self.path(&format!("{name}.key")), issued.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        fs::write(self.path(&format!("{name}.crt")), issued.cert.to_pem().unwrap()).unwrap();
        issued
    }
}

pub(in crate::serve) fn issue(name: &str, issuer: Option<&Issued>) -> Issued {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();

    let mut cert = X509Builder::new().unwrap();
    cert.set_version(2).unwrap();
    let serial = BigNum::from_slice(&openssl::sha::sha1(name.as_bytes())[..8]).unwrap();
    cert.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    cert.set_subject_name(&subject).unwrap();
    cert.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.cert.subject_name())).unwrap();
    cert.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    cert.set_not_after(&Asn1Time::days_from_now(10).unwrap()).unwrap();
    cert.set_pubkey(&key).unwrap();
    if issuer.is_none() {
        cert.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let id = SubjectKeyIdentifier::new().build(&cert.x509v3_context(None, None)).unwrap();
        cert.append_extension(id).unwrap();
    }
    let names = SubjectAlternativeName::new().dns(name).build(&cert.x509v3_context(None, None)).unwrap();
    cert.append_extension(names).unwrap();
    cert.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Issued { cert: cert.build(), key }
}

/// The list of what `issuer` revoked, in PEM.
pub(in crate::serve) fn revocation_list(issuer: &Issued, revoked: &[&Issued]) -> Vec<u8> {
    let (yesterday, tomorrow) = (Asn1Time::from_unix(0).unwrap(), Asn1Time::days_from_now(1).unwrap());
    let mut crl = X509CrlBuilder::new().unwrap();
    crl.set_issuer_name(issuer.cert.subject_name()).unwrap();
    crl.set_last_update(&yesterday).unwrap();
    crl.set_next_update(&tomorrow).unwrap();
    for revoked in revoked {
        let mut entry = X509RevokedBuilder::new().unwrap();
        entry.set_serial_number(revoked.cert.serial_number()).unwrap();
        entry.set_revocation_date(&yesterday).unwrap();
        crl.add_revoked(entry.build()).unwrap();
    }
    let context = X509Builder::new().unwrap();
    let context = context.x509v3_context(Some(&issuer.cert), None);
    crl.append_extension(AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap()).unwrap();
    crl.append_extension(CrlNumber::new(BigNum::from_u32(1).unwrap()).unwrap().build().unwrap()).unwrap();
    crl.sign(&issuer.key, MessageDigest::sha256()).unwrap();
    crl.build().unwrap().to_pem().unwrap()
}
