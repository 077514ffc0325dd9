//! CAs, and what they issue.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        CrlNumber, X509, X509CrlBuilder, X509NameBuilder,
        extension::{AuthorityKeyIdentifier, BasicConstraints, SubjectAlternativeName, SubjectKeyIdentifier},
    },
};

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

/// A CA for clients: its subject is `CN=name,O=Example`.
pub fn client_ca(name: &str) -> Identity {
    issue(&[("O", "Example"), ("CN", name)], None, Kind::Ca, 365 * 86_400)
}

/// A server's certificate for every name under `example`, for those right under `wild.example`, and for localhost.
pub fn server() -> Identity {
    issue(&[("CN", "server")], Some(server_ca()), Kind::Server, 30 * 86_400)
}

/// The CA of [`server`]'s certificates.
pub fn server_ca() -> &'static Identity {
    static CA: LazyLock<Identity> = LazyLock::new(|| client_ca("Server CA"));
    &CA
}

impl Identity {
    /// A client's certificate by this CA, valid for a month: its subject is `CN=name,O=Example`.
    pub fn issue_client(&self, name: &str) -> Identity {
        self.issue_client_for(name, 30 * 86_400)
    }

    /// A client's certificate that is valid for so many seconds from now.
    pub fn issue_client_for(&self, name: &str, seconds: i64) -> Identity {
        issue(&[("O", "Example"), ("CN", name)], Some(self), Kind::Client, seconds)
    }

    /// The list of what it revoked, which is nothing, good for so many seconds from now; PEM.
    pub fn revocation_list_for(&self, seconds: i64) -> Vec<u8> {
        let now = i64::try_from(now()).unwrap();
        let mut list = X509CrlBuilder::new().unwrap();
        list.set_issuer_name(self.certificate.subject_name()).unwrap();
        list.set_last_update(&Asn1Time::from_unix(now - 60).unwrap()).unwrap();
        list.set_next_update(&Asn1Time::from_unix(now + seconds).unwrap()).unwrap();
        let context = X509::builder().unwrap();
        let context = context.x509v3_context(Some(&self.certificate), None);
        list.append_extension(AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap()).unwrap();
        list.append_extension(CrlNumber::new(BigNum::from_u32(1).unwrap()).unwrap().build().unwrap()).unwrap();
        list.sign(&self.key, MessageDigest::sha256()).unwrap();
        list.build().unwrap().to_pem().unwrap()
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key, PEM.
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// The serial number in hexadecimal, as `openssl x509 -serial` prints it.
    pub fn serial(&self) -> String {
        self.certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string()
    }
}

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ca,
    Server,
    Client,
}

fn issue(subject: &[(&str, &str)], issuer: Option<&Identity>, kind: Kind, seconds: i64) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    for (attribute, value) in subject {
        name.append_entry_by_text(attribute, value).unwrap();
    }
    let name = name.build();
    let mut serial = [0; 8];
    openssl::rand::rand_bytes(&mut serial).unwrap();
    serial[0] = 0x5a;
    let now = i64::try_from(now()).unwrap();

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(now - 60).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + seconds).unwrap()).unwrap();
    if kind == Kind::Ca {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        // Revocation lists name the key that signed them.
        let key = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(key).unwrap();
    }
    if kind == Kind::Server {
        let names = ["*.example", "*.wild.example", "localhost"];
        let mut alternatives = SubjectAlternativeName::new();
        names.iter().for_each(|name| {
            alternatives.dns(name);
        });
        let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.certificate), None);
        let extension = alternatives.build(&context).unwrap();
        builder.append_extension(extension).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}
