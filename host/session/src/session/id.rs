//! Session ids with a keyed part.
//!
//! An id is 32 bytes: 16 of nonce, then SipHash-2-4-128(key, nonce), a keyed function made for inputs as short as this. Both
//! protocol versions carry it: as `session_id` in TLS 1.2, as the stateful ticket in TLS 1.3, where OpenSSL wants exactly 32
//! bytes. The keyed part lets the host drop forged and foreign ids before a store or a policy hears of them; a TLS 1.3
//! client that ends up in 1.2 sends random ones all day. It is no secret-keeper: who guesses one has a lookup, not a session.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use openssl::memcmp;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};
use zeroize::Zeroizing;

/// The length of a session id, `SSL_MAX_SSL_SESSION_ID_LENGTH`.
pub const LENGTH: usize = 32;
const NONCE: usize = 16;
/// The length of an id key.
pub const KEY: usize = 16;

/// A session id of 32 bytes. It is a bearer token of a sort, so `Debug` and `Display` show the first 8 bytes only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId([u8; LENGTH]);

impl SessionId {
    /// All 32 bytes.
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

/// Eight bytes stand for all: half of an id is keyed, so that nobody chooses what they come to.
impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, _) = self.0.as_chunks();
        state.write_u64(words.iter().fold(0, |folded, word| folded ^ u64::from_ne_bytes(*word)));
    }
}

impl From<[u8; LENGTH]> for SessionId {
    fn from(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for SessionId {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self}…)")
    }
}

/// The key that session ids are made and recognised with. Nodes that share a store share it.
#[derive(Clone)]
pub struct IdKey(Zeroizing<[u8; KEY]>);

impl IdKey {
    /// Its length in bytes.
    pub const LENGTH: usize = KEY;

    /// A key of 16 secret bytes.
    pub fn new(key: Zeroizing<[u8; KEY]>) -> Self {
        Self(key)
    }

    /// Its bytes, for who is to make and recognise the same ids.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY]> {
        self.0.clone()
    }

    /// The id with this nonce.
    pub fn id(&self, nonce: [u8; NONCE]) -> SessionId {
        let mut id = [0; LENGTH];
        id[..NONCE].copy_from_slice(&nonce);
        id[NONCE..].copy_from_slice(&self.tag(&nonce));
        SessionId(id)
    }

    /// `offered` as an id, if it has the length of one and was made with this key. Constant time in the keyed part.
    pub fn recognise(&self, offered: &[u8]) -> Option<SessionId> {
        let id = SessionId::try_from(offered).ok()?;
        memcmp::eq(&self.tag(&id.0[..NONCE]), &id.0[NONCE..]).then_some(id)
    }

    fn tag(&self, nonce: &[u8]) -> [u8; LENGTH - NONCE] {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(nonce);
        hasher.finish128().as_bytes()
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> IdKey {
        IdKey::new(Zeroizing::new([byte; KEY]))
    }

    #[test]
    fn an_id_is_recognised_by_the_key_that_made_it_and_by_no_other() {
        let (ours, theirs) = (key(1), key(2));
        let id = ours.id([7; NONCE]);
        assert_eq!(ours.recognise(id.as_bytes()), Some(id));
        assert_eq!(theirs.recognise(id.as_bytes()), None);
    }

    #[test]
    fn a_changed_bit_anywhere_makes_an_id_foreign() {
        let key = key(1);
        let id = key.id([7; NONCE]);
        for bit in 0..LENGTH * 8 {
            let mut forged = *id.as_bytes();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.recognise(&forged), None, "bit {bit}");
        }
    }

    #[test]
    fn ids_of_another_length_are_foreign() {
        let key = key(1);
        let id = key.id([7; NONCE]);
        assert_eq!(key.recognise(&id.as_bytes()[..31]), None);
        assert_eq!(key.recognise(&[]), None);
        assert_eq!(key.recognise(&[id.as_bytes().as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn an_id_is_shown_shortened() {
        let id = SessionId::from([0xab; LENGTH]);
        assert_eq!(format!("{id}"), "abababababababab");
        assert_eq!(format!("{id:?}"), "SessionId(abababababababab…)");
    }
}
