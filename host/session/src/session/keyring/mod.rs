//! The keys that a fleet shares: what leaves the process is sealed with them, and its session ids are made with them.
//!
//! - `key`: what is derived from one secret.
//! - `file`: the file that operators keep and rotate.
//! - `seal`: the sealed format.

pub mod file;
mod key;
mod seal;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

pub use self::{file::KeyringError, key::KeyId, seal::Unsealable};
use self::{file::KeyringFile, key::Key};
use super::{IdKey, SessionId};

/// The bytes of a secret.
pub const SECRET: usize = 32;
/// The most keys that a keyring has: each id that is offered is tried with all.
pub const MOST_KEYS: usize = 16;

/// Several keys, of which one seals and makes session ids, and all open and recognise.
///
/// Each key has a time from which it seals; the latest that has come does. A key that is added with
/// a time ahead is known to every node when the first one seals with it. Where no time has come
/// yet, the earliest key seals.
pub struct Keyring {
    file: Option<PathBuf>,
    keys: ArcSwap<Keys>,
    generation: AtomicUsize,
}

/// Sorted by the time from which they seal; never empty.
type Keys = Box<[Key]>;

/// What may be shown of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id, which stands in what it seals.
    pub id: KeyId,
    /// From when on it seals, if no later key does: seconds since the Unix epoch.
    pub seals_from: u64,
    /// Whether it is the one that seals.
    pub seals: bool,
}

impl Keyring {
    /// The keys in `file`, as `reprise keys new` makes it.
    ///
    /// # Errors
    /// It cannot be read, others than its owner may read or write it, or it is no keyring; the message says what to do.
    pub fn open(file: impl Into<PathBuf>) -> Result<Self, KeyringError> {
        let file = file.into();
        let keys = KeyringFile::read(&file)?.keys()?;
        Ok(Self::with(Some(file), keys))
    }

    /// One key, from a secret that is kept elsewhere. It must be random.
    ///
    /// # Errors
    /// OpenSSL cannot derive keys from it (HKDF).
    pub fn new(secret: Zeroizing<[u8; SECRET]>) -> Result<Self, ErrorStack> {
        let key = Key::derive(&secret, 0)?;
        Ok(Self::with(None, Box::new([key])))
    }

    /// One random key, good for as long as this process lives.
    ///
    /// # Errors
    /// OpenSSL's random generator failed (`RAND_priv_bytes`).
    pub fn random() -> Result<Self, ErrorStack> {
        Self::new(random_secret()?)
    }

    fn with(file: Option<PathBuf>, keys: Keys) -> Self {
        Self { file, keys: ArcSwap::from_pointee(keys), generation: AtomicUsize::new(0) }
    }

    /// Reads the file again; whether that changed anything. Keys that are gone open nothing from now on.
    ///
    /// # Errors
    /// As [`Keyring::open`]; the keys stay as they are.
    pub fn reload(&self) -> Result<bool, KeyringError> {
        let Some(file) = &self.file else { return Ok(false) };
        let keys = KeyringFile::read(file)?.keys()?;
        let changed = *self.keys.load_full() != keys;
        if changed {
            self.keys.store(Arc::new(keys));
            self.generation.fetch_add(1, Ordering::Release);
        }
        Ok(changed)
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Its keys at `now`, the earliest first.
    pub fn keys(&self, now: u64) -> Vec<KeyInfo> {
        let keys = self.keys.load();
        let sealing = sealing(&keys, now).id();
        let info = |key: &Key| KeyInfo { id: key.id(), seals_from: key.seals_from(), seals: key.id() == sealing };
        keys.iter().map(info).collect()
    }

    /// The session id with this nonce, made with the key that seals at `now`.
    pub fn id(&self, nonce: [u8; 16], now: u64) -> SessionId {
        sealing(&self.keys.load(), now).ids().id(nonce)
    }

    /// `offered` as a session id, if one of the keys made it.
    pub fn recognise(&self, offered: &[u8]) -> Option<SessionId> {
        self.keys.load().iter().rev().find_map(|key| key.ids().recognise(offered))
    }

    /// The keys of session ids, and which of them makes ids at `now`: for a process that makes and recognises ids, and opens
    /// nothing.
    pub fn id_keys(&self, now: u64) -> (usize, Vec<IdKey>) {
        let keys = self.keys.load();
        let makes = sealing(&keys, now).id();
        let makes = keys.iter().position(|key| key.id() == makes).unwrap_or(0);
        (makes, keys.iter().map(|key| key.ids().clone()).collect())
    }

    /// `plain`, sealed with the key that seals at `now`; it opens with the same `associated` data only.
    ///
    /// # Errors
    /// OpenSSL's random generator failed (`RAND_bytes`).
    pub fn seal(&self, associated: &[&[u8]], plain: &[u8], now: u64) -> Result<Vec<u8>, ErrorStack> {
        seal::seal(sealing(&self.keys.load(), now), associated, plain)
    }

    /// What [`Keyring::seal`] sealed with the same `associated` data, on whatever node.
    ///
    /// # Errors
    /// An unknown version, a key that is not on the ring, or bytes that were not sealed so.
    pub fn open_sealed(&self, associated: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        seal::open(&self.keys.load(), associated, sealed)
    }

    /// How often the keys have changed.
    pub fn generation(&self) -> usize {
        self.generation.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<KeyId> = self.keys.load().iter().map(Key::id).collect();
        f.debug_struct("Keyring").field("file", &self.file).field("keys", &keys).finish()
    }
}

/// The key that seals at `now`.
fn sealing(keys: &[Key], now: u64) -> &Key {
    keys.iter().rev().find(|key| key.seals_from() <= now).unwrap_or(&keys[0])
}

/// A secret for a new key.
pub fn random_secret() -> Result<Zeroizing<[u8; SECRET]>, ErrorStack> {
    let mut secret = Zeroizing::new([0; SECRET]);
    openssl::rand::rand_priv_bytes(secret.as_mut_slice())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[(u8, u64)]) -> Keyring {
        let keys: Keys = keys.iter().map(|(byte, from)| Key::derive(&[*byte; SECRET], *from).unwrap()).collect();
        Keyring::with(None, keys)
    }

    #[test]
    fn the_latest_key_whose_time_has_come_seals_and_all_open() {
        let both = ring(&[(1, 100), (2, 200)]);
        let (first, second) = (ring(&[(1, 100)]), ring(&[(2, 200)]));
        for (now, seals, other) in [(0, &first, &second), (199, &first, &second), (200, &second, &first)] {
            let sealed = both.seal(&[b"a"], b"plain", now).unwrap();
            assert_eq!(seals.open_sealed(&[b"a"], &sealed).unwrap().as_slice(), b"plain");
            assert!(matches!(other.open_sealed(&[b"a"], &sealed), Err(Unsealable::Key(_))));
            assert_eq!(both.open_sealed(&[b"a"], &sealed).unwrap().as_slice(), b"plain");
            let id = both.id([9; 16], now);
            assert_eq!(seals.recognise(id.as_bytes()), Some(id));
            assert_eq!(other.recognise(id.as_bytes()), None);
            assert_eq!(both.recognise(id.as_bytes()), Some(id));
        }
    }

    #[test]
    fn nothing_shown_of_a_keyring_is_secret() {
        let ring = Keyring::new(Zeroizing::new([0xab; SECRET])).unwrap();
        let shown = format!("{ring:?} {:?}", ring.keys(0));
        assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    }
}
