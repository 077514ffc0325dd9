//! What is derived from one secret: the key that seals, the key of session ids, and the name of both.

use std::fmt;

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use openssl::{error::ErrorStack, md::Md, pkey::Id, pkey_ctx::PkeyCtx};
use zeroize::Zeroizing;

use super::SECRET;
use crate::session::id::IdKey;

/// Names a key. Derived from its secret, so that a mistyped secret is noticed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// One key of the ring.
pub struct Key {
    id: KeyId,
    seals_from: u64,
    cipher: XChaCha20Poly1305,
    ids: IdKey,
}

/// The same secret has the same id.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.seals_from) == (other.id, other.seals_from)
    }
}

impl Key {
    /// HKDF-SHA-256 (RFC 5869) of `secret`, once for each use.
    pub fn derive(secret: &[u8; SECRET], seals_from: u64) -> Result<Self, ErrorStack> {
        let (mut cipher, mut ids, mut id) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 16]), [0; 4]);
        expand(secret, b"reprise keyring 1: seal", cipher.as_mut_slice())?;
        expand(secret, b"reprise keyring 1: session ids", ids.as_mut_slice())?;
        expand(secret, b"reprise keyring 1: name", &mut id)?;
        Ok(Self { id: KeyId(id), seals_from, cipher: XChaCha20Poly1305::new((&*cipher).into()), ids: IdKey::new(ids) })
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub fn seals_from(&self) -> u64 {
        self.seals_from
    }

    pub fn cipher(&self) -> &XChaCha20Poly1305 {
        &self.cipher
    }

    pub fn ids(&self) -> &IdKey {
        &self.ids
    }
}

fn expand(secret: &[u8], info: &[u8], into: &mut [u8]) -> Result<(), ErrorStack> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_md(Md::sha256())?;
    context.set_hkdf_key(secret)?;
    context.add_hkdf_info(info)?;
    context.derive(Some(into))?;
    Ok(())
}
