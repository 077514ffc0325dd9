//! The certificate of a server that was given none: self-signed, for localhost, made once and kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Name,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};
use reprise_session::{reading, replace::replace};
use zeroize::Zeroizing;

use crate::state_dir;

/// A year: longer than anyone tries a server out, short enough that a forgotten one ends.
const DAYS: u32 = 365;
/// One that ends sooner than this is renewed, at the start and while serving.
const RENEWED_BEFORE_DAYS: u32 = 30;
/// Ours are far smaller.
const MOST: u64 = 64 << 10;

/// The certificate and its key in `dir`, made if they are not there, do not fit each other or end soon.
///
/// # Errors
/// The directory cannot be written.
pub(crate) fn kept_in(dir: &Path) -> Result<(PathBuf, PathBuf)> {
    let (cert, key) = (dir.join("localhost.crt"), dir.join("localhost.key"));
    if !is_good(&cert, &key) {
        make(dir, &cert, &key, DAYS).with_context(|| {
            format!(
                "cannot keep a self-signed certificate in {}: give --state-dir DIR, or --cert and --key",
                dir.display()
            )
        })?;
        tracing::info!("made a self-signed certificate for localhost: {}", cert.display());
    }
    Ok((cert, key))
}

fn is_good(cert: &Path, key: &Path) -> bool {
    let check = || -> Result<bool> {
        let cert = X509::from_pem(&reading::read(cert, MOST)?.bytes)?;
        let key = PKey::private_key_from_pem(&reading::read(key, MOST)?.bytes)?;
        Ok(cert.public_key()?.public_eq(&key)
            && cert.not_after() > Asn1Time::days_from_now(RENEWED_BEFORE_DAYS)?.as_ref())
    };
    check().unwrap_or(false)
}

fn make(dir: &Path, cert_file: &Path, key_file: &Path, days: u32) -> Result<X509> {
    let key = PKey::from_ec_key(EcKey::generate(EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?.as_ref())?)?;
    let cert = certificate(&key, days)?;
    state_dir::make(dir)?;
    // The key first: a certificate is only ever seen with its key beside it.
    replace(key_file, &Zeroizing::new(key.private_key_to_pem_pkcs8()?), 0o600)?;
    replace(cert_file, &cert.to_pem()?, 0o644)?;
    Ok(cert)
}

fn certificate(key: &PKey<Private>, days: u32) -> Result<X509> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "localhost")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;

    let mut cert = X509::builder()?;
    cert.set_version(2)?;
    cert.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    cert.set_subject_name(&name)?;
    cert.set_issuer_name(&name)?;
    cert.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    cert.set_not_after(Asn1Time::days_from_now(days)?.as_ref())?;
    cert.set_pubkey(key)?;
    cert.append_extension(BasicConstraints::new().critical().build()?)?;
    cert.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    cert.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .ip("127.0.0.1")
        .ip("::1")
        .build(&cert.x509v3_context(None, None))?;
    cert.append_extension(names)?;
    cert.sign(key, MessageDigest::sha256())?;
    Ok(cert.build())
}

/// Makes one that ends in so many days, over what is in `dir`, where a server may already be making the next.
#[cfg(test)]
pub(crate) fn make_ending_in(dir: &Path, days: u32) -> X509 {
    make(dir, &dir.join("localhost.crt"), &dir.join("localhost.key"), days).unwrap()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn one_that_ends_soon_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        for (days, stays) in [(RENEWED_BEFORE_DAYS + 1, true), (RENEWED_BEFORE_DAYS - 1, false)] {
            let made = make_ending_in(dir.path(), days).to_der().unwrap();
            let (cert, _) = kept_in(dir.path()).unwrap();
            assert_eq!(X509::from_pem(&fs::read(cert).unwrap()).unwrap().to_der().unwrap() == made, stays, "{days}");
        }
    }

    #[test]
    fn the_certificate_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let (cert, key) = kept_in(&dir).unwrap();
        let made = (fs::read(&cert).unwrap(), fs::read(&key).unwrap());
        kept_in(&dir).unwrap();
        assert_eq!((fs::read(&cert).unwrap(), fs::read(&key).unwrap()), made);
    }

    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let (_, key) = kept_in(dir.path()).unwrap();
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_of_another_certificate_makes_both_anew() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (cert, key) = kept_in(dir.path()).unwrap();
        let (_, foreign) = kept_in(other.path()).unwrap();
        fs::copy(foreign, &key).unwrap();
        kept_in(dir.path()).unwrap();
        let key = PKey::private_key_from_pem(&fs::read(key).unwrap()).unwrap();
        assert!(X509::from_pem(&fs::read(cert).unwrap()).unwrap().public_key().unwrap().public_eq(&key));
    }

    #[test]
    fn it_is_good_for_localhost_by_name_and_by_address() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, _) = kept_in(dir.path()).unwrap();
        let cert = X509::from_pem(&fs::read(cert).unwrap()).unwrap();
        let names = cert.subject_alt_names().unwrap();
        assert!(names.iter().any(|name| name.dnsname() == Some("localhost")));
        let addresses: Vec<_> = names.iter().filter_map(|name| name.ipaddress()).collect();
        assert_eq!(addresses, [&[127, 0, 0, 1][..], &std::net::Ipv6Addr::LOCALHOST.octets()]);
    }
}
