//! PSK binders (RFC 8446 section 4.2.11.2): by its binder a client that offers a session proves that it has the
//! session's secret, where anyone may have seen the session's id.
//!
//! OpenSSL checks the binder too, once the session was handed to it. That is too late for what was taken out of the
//! store by then.

use openssl::{
    error::ErrorStack,
    hash::{MessageDigest, hash},
    memcmp,
    pkey::PKey,
    sign::Signer,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Reader, extension::PRE_SHARED_KEY};

/// The longest hash of a TLS 1.3 cipher suite, SHA-384.
const LONGEST: usize = 48;

/// What a ClientHello that offers TLS 1.3 sessions proves: its binders, and what they are over. Nothing in it is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof<'a> {
    /// The transcript of the handshake up to the binders.
    #[serde(with = "serde_bytes")]
    pub transcript: &'a [u8],
    /// The binders, each behind its length in one byte.
    #[serde(with = "serde_bytes")]
    pub binders: &'a [u8],
}

impl Proof<'_> {
    /// Whether the identity at `place` is offered by who has this secret of its session, made with this cipher suite. None where it
    /// cannot be told.
    pub fn verifies(&self, place: usize, cipher_suite: u16, psk: &[u8]) -> Option<bool> {
        let binders = Binders { list: self.binders, truncated: self.transcript.len() };
        verifies(digest(cipher_suite)?, psk, self.transcript, binders.of(place)?).ok()
    }
}

/// The binders in a ClientHello. They are the last thing in it.
#[derive(Debug)]
pub struct Binders<'a> {
    /// Each behind its length in one byte.
    pub list: &'a [u8],
    /// How many bytes of the ClientHello are before them: what they are over.
    pub truncated: usize,
}

impl<'a> Binders<'a> {
    /// Of a ClientHello, its header included; none if it offers no PSK, or is malformed.
    pub fn read(hello: &'a [u8]) -> Option<Self> {
        const HEADER: usize = 4;
        const VERSION_AND_RANDOM: usize = 2 + 32;
        let mut fields = Reader(hello);
        fields.take(HEADER + VERSION_AND_RANDOM)?;
        let (_session_id, _ciphers, _compression) = (fields.vector8()?, fields.vector16()?, fields.vector8()?);
        let mut extensions = Reader(fields.vector16()?);
        let mut last = None;
        while !extensions.0.is_empty() {
            last = Some((extensions.number()?, extensions.vector16()?));
        }
        let (PRE_SHARED_KEY, content) = last? else { return None };
        let mut offered = Reader(content);
        offered.vector16()?;
        let list = offered.vector16()?;
        let truncated = hello.len() - (2 + list.len());
        (fields.0.is_empty() && offered.0.is_empty()).then_some(Self { list, truncated })
    }

    /// That of the identity at `place`, counted from 0.
    pub fn of(&self, place: usize) -> Option<&'a [u8]> {
        let mut list = Reader(self.list);
        (0..place).try_for_each(|_| list.vector8().map(drop))?;
        list.vector8()
    }
}

/// The hash of a TLS 1.3 cipher suite, and of the sessions made with it (RFC 8446 appendix B.4, RFC 9150).
pub fn digest(cipher_suite: u16) -> Option<MessageDigest> {
    match cipher_suite {
        0x1301 | 0x1303..=0x1305 | 0xc0b4 => Some(MessageDigest::sha256()),
        0x1302 | 0xc0b5 => Some(MessageDigest::sha384()),
        _ => None,
    }
}

/// Whether `binder` is that of a session with this secret over `transcript`, which ends before the binders.
///
/// # Errors
/// OpenSSL does not compute it.
pub fn verifies(digest: MessageDigest, psk: &[u8], transcript: &[u8], binder: &[u8]) -> Result<bool, ErrorStack> {
    let length = digest.size();
    if binder.len() != length {
        return Ok(false);
    }
    Ok(memcmp::eq(&compute(digest, psk, transcript)?[..length], binder))
}

/// The binder of a session with this secret over `transcript`; of the array, as much as the hash is long.
pub fn compute(digest: MessageDigest, psk: &[u8], transcript: &[u8]) -> Result<Mac, ErrorStack> {
    let length = digest.size();
    let early = hmac(digest, &[0; LONGEST][..length], &[psk])?;
    let key = expand_label(digest, &early[..length], b"tls13 res binder", &hash(digest, b"")?)?;
    let finished = expand_label(digest, &key[..length], b"tls13 finished", b"")?;
    hmac(digest, &finished[..length], &[&hash(digest, transcript)?])
}

/// A MAC or a key, and zeros up to the longest.
pub type Mac = Zeroizing<[u8; LONGEST]>;

fn hmac(digest: MessageDigest, key: &[u8], parts: &[&[u8]]) -> Result<Mac, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(digest, &key)?;
    parts.iter().try_for_each(|part| signer.update(part))?;
    let mut mac = Zeroizing::new([0; LONGEST]);
    signer.sign(&mut mac[..])?;
    Ok(mac)
}

/// HKDF-Expand-Label to the hash's length (RFC 8446 section 7.1): one block of HKDF-Expand.
fn expand_label(digest: MessageDigest, secret: &[u8], label: &[u8], context: &[u8]) -> Result<Mac, ErrorStack> {
    const FIRST_BLOCK: u8 = 1;
    let (length, of_label, of_context) = (digest.size() as u16, label.len() as u8, context.len() as u8);
    hmac(digest, secret, &[&length.to_be_bytes(), &[of_label], label, &[of_context], context, &[FIRST_BLOCK]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8448 section 4, "Resumed 0-RTT Handshake": the ClientHello up to its binders.
    fn rfc_8448_prefix() -> Vec<u8> {
        [
            hex(concat!(
                "010001fc03031bc3ceb6bbe39cff938355b5a50adb6db21b7a6af649d7b4bc419d7876487d9500000613011303130201",
                "0001cd0000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400",
                "3300260024001d0020e4ffb68ac05f8d96c99da26698346c6be16482badddafe051a66b4f18d668f0b002a0000002b00",
                "03020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c",
                "0002400100150057",
            )),
            // Padding.
            vec![0; 0x57],
            hex(concat!(
                "002900dd00b800b22c035d829359ee5ff7af4ec900000000262a6494dc486d2c8a34cb33fa90bf1b0070ad3c498883c9",
                "367c09a2be785abc55cd226097a3a982117283f82a03a143efd3ff5dd36d64e861be7fd61d2827db279cce145077d454",
                "a3664d4e6da4d29ee03725a6a4dafcd0fc67d2aea70529513e3da2677fa5906c5b3f7d8f92f228bda40dda721470f9fb",
                "f297b5aea617646fac5c03272e970727c621a79141ef5f7de6505e5bfbc388e93343694093934ae4d357fad6aacb",
            )),
        ]
        .concat()
    }

    const PSK: &str = "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3";
    const BINDER: &str = "3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn rfc_8448_hello() -> Vec<u8> {
        [rfc_8448_prefix(), vec![0, 0x21, 0x20], hex(BINDER)].concat()
    }

    #[test]
    fn the_binder_of_rfc_8448_is_found_and_verifies() {
        let (hello, psk) = (rfc_8448_hello(), hex(PSK));
        let binders = Binders::read(&hello).unwrap();
        assert_eq!(hello[..binders.truncated], rfc_8448_prefix());
        let (binder, transcript) = (binders.of(0).unwrap(), &hello[..binders.truncated]);
        assert_eq!(binder, hex(BINDER));
        assert!(binders.of(1).is_none());
        assert!(verifies(MessageDigest::sha256(), &psk, transcript, binder).unwrap());
    }

    #[test]
    fn a_binder_changed_anywhere_does_not_verify() {
        let (hello, psk) = (rfc_8448_hello(), hex(PSK));
        let transcript = rfc_8448_prefix();
        let verifies = |psk: &[u8], transcript: &[u8], binder: &[u8]| {
            verifies(MessageDigest::sha256(), psk, transcript, binder).unwrap()
        };
        for at in 0..32 {
            let mut binder = hex(BINDER);
            binder[at] ^= 1;
            assert!(!verifies(&psk, &transcript, &binder), "{at}");
        }
        assert!(!verifies(&psk, &hello, &hex(BINDER)), "another transcript");
        assert!(!verifies(&[7; 32], &transcript, &hex(BINDER)), "another secret");
        for length in [0, 31] {
            assert!(!verifies(&psk, &transcript, &hex(BINDER)[..length]), "{length} bytes");
        }
        let longer = [hex(BINDER), vec![0]].concat();
        assert!(!verifies(&psk, &transcript, &longer));
    }

    #[test]
    fn a_hello_cut_off_or_longer_has_no_binders() {
        let hello = rfc_8448_hello();
        for length in 0..hello.len() {
            assert!(Binders::read(&hello[..length]).is_none(), "{length}");
        }
        assert!(Binders::read(&[&hello[..], &[0]].concat()).is_none());
    }

    #[test]
    fn each_identity_has_its_own_binder() {
        let binders = Binders { list: &[1, 7, 2, 8, 9, 3], truncated: 0 };
        assert_eq!((binders.of(0), binders.of(1)), (Some(&[7][..]), Some(&[8, 9][..])));
        assert!(binders.of(2).is_none() && binders.of(3).is_none());
    }
}
