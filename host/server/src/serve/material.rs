//! A site's files, read once: what they contain, whether it holds together, and what of it sessions depend on.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use openssl::{
    pkey::{PKey, Private},
    sha::{Sha256, sha256},
    x509::{X509, X509Crl},
};
use reprise_session::reading::{Reader, Why};
use zeroize::Zeroizing;

use super::{argument::DEFAULT, settings::SiteFiles};

/// The most bytes that are read of each. A bundle of CAs, or the list of a large CA, is larger than what somebody
/// writes by hand.
const MOST_CERT: u64 = 1 << 20;
const MOST_KEY: u64 = 1 << 20;
const MOST_CLIENT_CA: u64 = 16 << 20;
const MOST_CRL: u64 = 64 << 20;

/// The bytes of a site's files as they were at one moment. Zeroed when dropped: one of them is a private key.
pub(crate) struct Material {
    cert: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Zeroizing<Vec<u8>>>,
    crl: Option<Zeroizing<Vec<u8>>>,
}

/// A digest of everything in a [`Material`].
pub(crate) type Fingerprint = [u8; 32];

/// A site's files as OpenSSL's objects.
pub(crate) struct Parsed {
    /// Leaf first.
    pub(crate) chain: Vec<X509>,
    pub(crate) key: PKey<Private>,
    /// Empty where clients are not verified.
    pub(crate) client_cas: Vec<X509>,
    pub(crate) crls: Vec<X509Crl>,
}

impl Material {
    /// Reads the files of `site`, with others that are read now.
    ///
    /// # Errors
    /// One of them is no file, too large, or does not answer; the message names it, and the option that does.
    pub(crate) fn read(site: &SiteFiles, reader: Reader) -> Result<Self> {
        let read = |option, file: &Path, most| {
            let option = if site.name == DEFAULT || option == "--crl" { option } else { "--site" };
            reader.read(file, most).map(|whole| whole.bytes).map_err(|unread| match unread.why {
                Why::Io(_) => anyhow!("{option}: {unread}; expected a file in PEM that the server may read"),
                _ => anyhow!("{option}: {unread}"),
            })
        };
        let client_ca = site.client_ca.as_ref();
        let crl = client_ca.and_then(|ca| ca.crl.as_deref());
        Ok(Self {
            cert: read("--cert", &site.cert, MOST_CERT)?,
            key: read("--key", &site.key, MOST_KEY)?,
            client_ca: client_ca.map(|ca| read("--client-ca", &ca.file, MOST_CLIENT_CA)).transpose()?,
            crl: crl.map(|crl| read("--crl", crl, MOST_CRL)).transpose()?,
        })
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for file in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref(), self.crl.as_ref()] {
            let digest = file.map_or([0; 32], |bytes| sha256(bytes));
            hash.update(&digest);
        }
        hash.finish()
    }

    /// The content as objects that fit each other.
    ///
    /// # Errors
    /// A file is not what it should be, or the key is another certificate's; the message names the file.
    pub(crate) fn parse(&self, site: &SiteFiles) -> Result<Parsed> {
        let chain = certificates(&self.cert, &site.cert)?;
        let key = private_key(&self.key, &site.key)?;
        ensure!(
            chain[0].public_key()?.public_eq(&key),
            "the key in {} is not that of the certificate in {}: the certificate must come first in its file, before its issuers",
            site.key.display(),
            site.cert.display()
        );
        let (mut client_cas, mut crls) = (Vec::new(), Vec::new());
        if let Some(ca) = &site.client_ca {
            client_cas = certificates(self.client_ca.as_deref().map_or(&[], Vec::as_slice), &ca.file)?;
            if let (Some(file), Some(content)) = (&ca.crl, &self.crl) {
                crls = revocation_lists(content, file)?;
            }
        }
        Ok(Parsed { chain, key, client_cas, crls })
    }
}

impl Parsed {
    /// What of these files a session depends on, as bytes that are the same on every node with the same files: the CAs
    /// and the certificates revoked, in no particular order. The server's certificate is no part of it, so that a renewal
    /// keeps sessions; nor is a CRL's date, so that a new list that revokes nothing new does.
    pub(crate) fn client_verification(&self) -> Result<Vec<u8>> {
        let mut parts = Vec::new();
        for ca in &self.client_cas {
            parts.push(sha256(&ca.to_der()?));
        }
        for crl in &self.crls {
            let issuer = sha256(&crl.issuer_name().to_der()?);
            parts.push(issuer);
            for revoked in crl.get_revoked().into_iter().flatten() {
                parts.push(sha256(&[issuer.as_slice(), &revoked.serial_number().to_bn()?.to_vec()].concat()));
            }
        }
        parts.sort_unstable();
        parts.dedup();
        Ok(parts.concat())
    }
}

fn certificates(pem: &[u8], file: &Path) -> Result<Vec<X509>> {
    let certificates = X509::stack_from_pem(pem)
        .with_context(|| format!("{} is damaged: expected certificates in PEM", file.display()))?;
    ensure!(
        !certificates.is_empty(),
        "{} holds no certificate: expected PEM, with `-----BEGIN CERTIFICATE-----`",
        file.display()
    );
    Ok(certificates)
}

fn private_key(pem: &[u8], file: &Path) -> Result<PKey<Private>> {
    let mut encrypted = false;
    // The callback keeps OpenSSL from asking for a passphrase on the terminal.
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        encrypted = true;
        Ok(0)
    });
    match key {
        Ok(key) => Ok(key),
        Err(_) if encrypted => bail!(
            "the key in {} is encrypted and a server has nobody to ask: `openssl pkey -in FILE` writes it without a passphrase",
            file.display()
        ),
        Err(error) => Err(error).with_context(|| {
            format!("{} holds no private key: expected PEM, with `-----BEGIN PRIVATE KEY-----`", file.display())
        }),
    }
}

fn revocation_lists(pem: &[u8], file: &Path) -> Result<Vec<X509Crl>> {
    const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";
    let starts: Vec<usize> =
        pem.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN).map(|(at, _)| at).collect();
    ensure!(
        !starts.is_empty(),
        "{} holds no certificate revocation list: expected PEM, with `-----BEGIN X509 CRL-----`",
        file.display()
    );
    starts
        .iter()
        .map(|&at| X509Crl::from_pem(&pem[at..]))
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is damaged: expected certificate revocation lists in PEM", file.display()))
}
