//! The sealed format: version, key id, nonce, ciphertext, tag. XChaCha20-Poly1305, whose nonces are
//! long enough to be random, so that nodes need not agree on a counter.

use chacha20poly1305::{Tag, XNonce, aead::AeadInOut};
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

use super::key::{Key, KeyId};

const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 1 + 4 + NONCE;

/// Why something sealed does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// Another version of the format, from a newer or much older release.
    #[error("sealed in version {0} of the format; expected version {VERSION}")]
    Version(u8),
    /// The key is not on the ring.
    #[error("sealed with key {0}, which is not on the keyring")]
    Key(KeyId),
    /// Not sealed for this id and namespace, or changed since, or cut short.
    #[error("not sealed for this session and namespace, or changed since")]
    Broken,
}

pub fn seal(key: &Key, associated: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut nonce = [0; NONCE];
    openssl::rand::rand_bytes(&mut nonce)?;
    // Large enough from the start: a vector that grows leaves what it held behind.
    let mut sealed = Vec::with_capacity(HEAD + plain.len() + TAG);
    sealed.push(VERSION);
    sealed.extend_from_slice(&key.id().0);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let associated = joined(&sealed[..HEAD], associated);
    let tag = key
        .cipher()
        .encrypt_inout_detached(&XNonce::from(nonce), &associated, (&mut sealed[HEAD..]).into())
        .map_err(|_| ErrorStack::get())?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

pub fn open(keys: &[Key], associated: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let version = *sealed.first().ok_or(Unsealable::Broken)?;
    if version != VERSION {
        return Err(Unsealable::Version(version));
    }
    let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(Unsealable::Broken)?;
    let (text, tag) = rest.split_last_chunk::<TAG>().ok_or(Unsealable::Broken)?;
    let [_, a, b, c, d, nonce @ ..] = *head;
    let (id, nonce, tag) = (KeyId([a, b, c, d]), XNonce::from(nonce), Tag::from(*tag));
    let mut plain = Zeroizing::new(text.to_vec());
    let associated = joined(head, associated);
    let mut known = false;
    // Two secrets may share an id, however unlikely.
    for key in keys.iter().filter(|key| key.id() == id) {
        known = true;
        if key.cipher().decrypt_inout_detached(&nonce, &associated, plain.as_mut_slice().into(), &tag).is_ok() {
            return Ok(plain);
        }
        plain.copy_from_slice(text);
    }
    Err(if known { Unsealable::Broken } else { Unsealable::Key(id) })
}

/// The header and each part with its length before it, so that no two lists of parts read the same.
fn joined(head: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut all = head.to_vec();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::derive(&[byte; 32], 0).unwrap()
    }

    #[test]
    fn what_is_changed_anywhere_or_cut_anywhere_does_not_open() {
        let keys = [key(1)];
        let sealed = seal(&keys[0], &[b"session", b"id"], b"secrets").unwrap();
        assert_eq!(open(&keys, &[b"session", b"id"], &sealed).unwrap().as_slice(), b"secrets");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let error = open(&keys, &[b"session", b"id"], &changed).expect_err("a changed bit");
            let expected = match bit / 8 {
                0 => matches!(error, Unsealable::Version(_)),
                1..5 => matches!(error, Unsealable::Key(_)),
                _ => error == Unsealable::Broken,
            };
            assert!(expected, "bit {bit}: {error}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(&keys, &[b"session", b"id"], &sealed[..length]), Err(Unsealable::Broken), "{length}");
        }
    }

    #[test]
    fn it_opens_for_the_same_associated_data_only() {
        let keys = [key(1)];
        let sealed = seal(&keys[0], &[b"session", b"id"], b"secrets").unwrap();
        for other in [&[b"session".as_slice(), b"ie"] as &[&[u8]], &[b"sessioni", b"d"], &[b"session"], &[]] {
            assert_eq!(open(&keys, other, &sealed), Err(Unsealable::Broken), "{other:?}");
        }
    }

    #[test]
    fn no_two_seals_are_alike_and_none_shows_what_is_in_it() {
        let (one, two) = (seal(&key(1), &[], b"secrets").unwrap(), seal(&key(1), &[], b"secrets").unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(7).any(|window| window == b"secrets"));
    }
}
