//! A client certificate as facts.

use std::{
    ffi::{c_char, c_int},
    net::IpAddr,
    ptr, slice,
};

use foreign_types::ForeignTypeRef;
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    hash::MessageDigest,
    sha::sha256,
    stack::StackRef,
    x509::{X509, X509CrlRef, X509NameRef, X509Ref, store::X509StoreBuilderRef},
};
use reprise_session::{
    session::{RevocationList, VerifiedChain},
    verdict::wit::types::Certificate,
};

use crate::ffi;

/// The facts about `certificate` that policies are given.
///
/// # Errors
/// OpenSSL could not read a part of it.
pub fn facts(certificate: &X509Ref, verified: bool) -> Result<Certificate, ErrorStack> {
    let mut serial = certificate.serial_number().to_bn()?.to_vec();
    if serial.is_empty() {
        serial.push(0);
    }
    Ok(Certificate {
        sha256: fingerprint(certificate)?,
        spki_sha256: sha256(&public_key(certificate)?).to_vec(),
        subject: name(certificate.subject_name())?,
        issuer: name(certificate.issuer_name())?,
        serial,
        not_before: seconds(certificate.not_before())?,
        not_after: seconds(certificate.not_after())?,
        alternative_names: alternative_names(certificate),
        verified,
    })
}

/// What of a client's verified chain bounds its session.
///
/// # Errors
/// OpenSSL could not read a part of it.
pub fn chain(chain: &StackRef<X509>) -> Result<VerifiedChain, ErrorStack> {
    let mut facts = VerifiedChain { not_before: 0, not_after: u64::MAX, issuers: Vec::with_capacity(chain.len()) };
    for certificate in chain {
        facts.not_before = facts.not_before.max(seconds(certificate.not_before())?);
        facts.not_after = facts.not_after.min(seconds(certificate.not_after())?);
        facts.issuers.push(name_hash(certificate.issuer_name()));
    }
    Ok(facts)
}

/// A revocation list's issuer and dates. One whose dates cannot be read is never current, as for OpenSSL.
pub fn revocation_list(list: &X509CrlRef) -> RevocationList {
    let next = list.next_update().map(seconds);
    let (from, until) = match (seconds(list.last_update()), next.transpose()) {
        (Ok(from), Ok(until)) => (from, until.unwrap_or(u64::MAX)),
        _ => (u64::MAX, 0),
    };
    RevocationList { issuer: name_hash(list.issuer_name()), from, until }
}

/// OpenSSL's hash of a name in its canonical form, by which names are equal that compare equal; 0 if it cannot be had,
/// which is then so for all.
fn name_hash(name: &X509NameRef) -> u32 {
    // SAFETY: a live name, read only; null pointers stand for the default library context and properties, and for no
    // answer whether it could be had. The hash has 32 bits.
    unsafe { ffi::X509_NAME_hash_ex(name.as_ptr(), ptr::null_mut(), ptr::null(), ptr::null_mut()) as u32 }
}

/// SHA-256 of the DER encoding.
///
/// # Errors
/// OpenSSL is out of memory.
pub fn fingerprint(certificate: &X509Ref) -> Result<Vec<u8>, ErrorStack> {
    Ok(certificate.digest(MessageDigest::sha256())?.to_vec())
}

/// Has `store` hold certificates against this list (`X509_STORE_add_crl`), which rust-openssl can only read from a
/// file.
///
/// # Errors
/// OpenSSL is out of memory.
pub fn add_crl(store: &mut X509StoreBuilderRef, list: &X509CrlRef) -> Result<(), ErrorStack> {
    // SAFETY: both pointers are valid for the call, by the references; the store takes a reference of its own to the
    // list.
    let added = unsafe { ffi::X509_STORE_add_crl(store.as_ptr(), list.as_ptr()) };
    if added == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Its alternative names: of what kind, and the name.
pub fn alternative_names(certificate: &X509Ref) -> Vec<(String, String)> {
    let Some(names) = certificate.subject_alt_names() else { return Vec::new() };
    let entry = |kind: &str, value: &str| Some((kind.to_owned(), value.to_owned()));
    names
        .iter()
        .filter_map(|name| {
            if let Some(dns) = name.dnsname() {
                entry("dns", dns)
            } else if let Some(email) = name.email() {
                entry("email", email)
            } else if let Some(uri) = name.uri() {
                entry("uri", uri)
            } else {
                address(name.ipaddress()?).and_then(|address| entry("ip", &address.to_string()))
            }
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Seconds since the Unix epoch; a time before it counts as 0.
fn seconds(time: &Asn1TimeRef) -> Result<u64, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(u64::try_from(i64::from(since.days) * 86_400 + i64::from(since.secs)).unwrap_or(0))
}

/// A distinguished name as RFC 2253 writes it, in UTF-8.
fn name(name: &X509NameRef) -> Result<String, ErrorStack> {
    // SAFETY: the name is live; the BIO is made, read and freed here, and its bytes are copied before that.
    unsafe {
        let bio = ffi::BIO_new(ffi::BIO_s_mem());
        if bio.is_null() {
            return Err(ErrorStack::get());
        }
        let printed = ffi::X509_NAME_print_ex(bio, name.as_ptr(), 0, ffi::XN_FLAG_RFC2253_UTF8);
        let mut bytes: *mut c_char = ptr::null_mut();
        let length = usize::try_from(ffi::BIO_get_mem_data(bio, &mut bytes)).unwrap_or(0);
        let text = if bytes.is_null() || length == 0 {
            String::new()
        } else {
            String::from_utf8_lossy(slice::from_raw_parts(bytes.cast(), length)).into_owned()
        };
        ffi::BIO_free_all(bio);
        if printed < 0 { Err(ErrorStack::get()) } else { Ok(text) }
    }
}

/// The DER encoding of the SubjectPublicKeyInfo, as it stands in the certificate: it need not be a key OpenSSL knows.
fn public_key(certificate: &X509Ref) -> Result<Vec<u8>, ErrorStack> {
    // SAFETY: the certificate is live and owns the key; the first call gives the length that the second one writes.
    unsafe {
        let key = ffi::X509_get_X509_PUBKEY(certificate.as_ptr());
        let length = if key.is_null() { -1 } else { ffi::i2d_X509_PUBKEY(key, ptr::null_mut()) };
        let Ok(length) = usize::try_from(length) else { return Err(ErrorStack::get()) };
        let mut der = vec![0; length];
        let mut end = der.as_mut_ptr();
        let written: c_int = ffi::i2d_X509_PUBKEY(key, &mut end);
        if usize::try_from(written) == Ok(length) { Ok(der) } else { Err(ErrorStack::get()) }
    }
}
