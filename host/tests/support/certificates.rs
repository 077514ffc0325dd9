//! Certificates, made once for each test process.

use std::sync::LazyLock;

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    pub certificate: X509,
    pub key: PKey<Private>,
}

/// The CA that signs all the others.
pub fn ca() -> Identity {
    static CA: LazyLock<Identity> = LazyLock::new(|| {
        issue("Test CA", None, 365, |builder| {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        })
    });
    CA.clone()
}

/// A server's certificate for a.example and b.example.
pub fn server() -> Identity {
    static SERVER: LazyLock<Identity> = LazyLock::new(|| {
        issue("server", Some(&ca()), 30, |builder| {
            let names = SubjectAlternativeName::new()
                .dns("a.example")
                .dns("b.example")
                .build(&builder.x509v3_context(Some(&ca().certificate), None))
                .unwrap();
            builder.append_extension(names).unwrap();
        })
    });
    SERVER.clone()
}

/// A client's certificate, valid for some days from now.
pub fn client(name: &str, days: u32) -> Identity {
    issue(name, Some(&ca()), days, |_| {})
}

/// Makes a certificate, signed by `issuer` or by itself.
pub fn issue(name: &str, issuer: Option<&Identity>, days: u32, extend: impl FnOnce(&mut X509Builder)) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = [0; 8];
    openssl::rand::rand_bytes(&mut serial).unwrap();
    serial[0] &= 0x7f;
    builder.set_serial_number(&BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(days).unwrap()).unwrap();
    extend(&mut builder);
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}
