//! CAs, and what they issue. All certificates of tests are made here.

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
        CrlNumber, X509, X509Builder, X509Crl, X509CrlBuilder, X509NameBuilder, X509RevokedBuilder,
        extension::{AuthorityKeyIdentifier, BasicConstraints, SubjectAlternativeName, SubjectKeyIdentifier},
    },
};

const DAY: i64 = 24 * 60 * 60;

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

/// A certificate to be made.
pub struct Maker<'a> {
    subject: Vec<(&'a str, &'a str)>,
    issuer: Option<&'a Identity>,
    /// Valid from and until: seconds from now.
    valid: [i64; 2],
    is_ca: bool,
    names: &'a [&'a str],
    extend: Box<dyn FnOnce(&mut X509Builder) + 'a>,
}

/// A certificate whose subject is `CN=name`, signed by itself, for a month.
pub fn certificate(name: &str) -> Maker<'_> {
    Maker {
        subject: vec![("CN", name)],
        issuer: None,
        valid: [-60, 30 * DAY],
        is_ca: false,
        names: &[],
        extend: Box::new(|_| {}),
    }
}

/// A CA for clients: its subject is `CN=name,O=Example`.
pub fn client_ca(name: &str) -> Identity {
    certificate(name).of_example().ca().days(365).make()
}

/// A server's certificate for every name under `example`, for those right under `wild.example`, and for localhost.
pub fn server() -> Identity {
    certificate("server").by(Some(server_ca())).names(&["*.example", "*.wild.example", "localhost"]).make()
}

/// The CA of [`server`]'s certificates.
pub fn server_ca() -> &'static Identity {
    static CA: LazyLock<Identity> = LazyLock::new(|| client_ca("Server CA"));
    &CA
}

impl<'a> Maker<'a> {
    /// Its subject's organization is `Example`.
    pub fn of_example(mut self) -> Self {
        self.subject.insert(0, ("O", "Example"));
        self
    }

    /// Signed by `issuer`; by itself where there is none.
    pub fn by(self, issuer: Option<&'a Identity>) -> Self {
        Self { issuer, ..self }
    }

    /// Valid from a minute ago until so many days from now.
    pub fn days(self, days: u32) -> Self {
        self.valid([-60, i64::from(days) * DAY])
    }

    /// Valid from and until so many seconds from now.
    pub fn valid(self, valid: [i64; 2]) -> Self {
        Self { valid, ..self }
    }

    /// It may sign others, and revocation lists.
    pub fn ca(self) -> Self {
        Self { is_ca: true, ..self }
    }

    /// For servers of these names.
    pub fn names(self, names: &'a [&'a str]) -> Self {
        Self { names, ..self }
    }

    /// With what the test adds, before it is signed.
    pub fn extended(self, extend: impl FnOnce(&mut X509Builder) + 'a) -> Self {
        Self { extend: Box::new(extend), ..self }
    }

    /// Makes it, with a key of its own.
    pub fn make(self) -> Identity {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        for (attribute, value) in &self.subject {
            name.append_entry_by_text(attribute, value).unwrap();
        }
        let name = name.build();
        let mut serial = [0; 8];
        openssl::rand::rand_bytes(&mut serial).unwrap();
        serial[0] = 0x5a;
        let [from, until] = self.valid.map(|seconds| Asn1Time::from_unix(unix(now()) + seconds).unwrap());

        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(self.issuer.map_or(&name, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&from).unwrap();
        builder.set_not_after(&until).unwrap();
        if self.is_ca {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            // Revocation lists name the key that signed them.
            let key = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(key).unwrap();
        }
        if !self.names.is_empty() {
            let mut alternatives = SubjectAlternativeName::new();
            for name in self.names {
                alternatives.dns(name);
            }
            let issuer = self.issuer.map(|issuer| &*issuer.certificate);
            let extension = alternatives.build(&builder.x509v3_context(issuer, None)).unwrap();
            builder.append_extension(extension).unwrap();
        }
        (self.extend)(&mut builder);
        builder.sign(self.issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
        Identity { certificate: builder.build(), key }
    }
}

impl Identity {
    /// A client's certificate by this CA, valid for a month: its subject is `CN=name,O=Example`.
    pub fn issue_client(&self, name: &str) -> Identity {
        self.issue_client_for(name, 30 * DAY)
    }

    /// A client's certificate that is valid for so many seconds from now.
    pub fn issue_client_for(&self, name: &str, seconds: i64) -> Identity {
        certificate(name).of_example().by(Some(self)).valid([-60, seconds]).make()
    }

    /// The list of what it revoked, which is nothing, good for so many seconds from now; PEM.
    pub fn revocation_list_for(&self, seconds: i64) -> Vec<u8> {
        let now = unix(now());
        self.revocation_list(&[], [now - 60, now + seconds]).to_pem().unwrap()
    }

    /// The list of what it revoked, which is this, from one time to another, in seconds since the Unix epoch.
    pub fn revocation_list(&self, revoked: &[&Identity], valid: [i64; 2]) -> X509Crl {
        let [from, until] = valid.map(|seconds| Asn1Time::from_unix(seconds).unwrap());
        let mut list = X509CrlBuilder::new().unwrap();
        list.set_issuer_name(self.certificate.subject_name()).unwrap();
        list.set_last_update(&from).unwrap();
        list.set_next_update(&until).unwrap();
        for revoked in revoked {
            let mut entry = X509RevokedBuilder::new().unwrap();
            entry.set_serial_number(revoked.certificate.serial_number()).unwrap();
            entry.set_revocation_date(&from).unwrap();
            list.add_revoked(entry.build()).unwrap();
        }
        let context = X509::builder().unwrap();
        let context = context.x509v3_context(Some(&self.certificate), None);
        list.append_extension(AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap()).unwrap();
        list.append_extension(CrlNumber::new(BigNum::from_u32(1).unwrap()).unwrap().build().unwrap()).unwrap();
        list.sign(&self.key, MessageDigest::sha256()).unwrap();
        list.build().unwrap()
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

fn unix(seconds: u64) -> i64 {
    i64::try_from(seconds).expect("it is a time")
}
