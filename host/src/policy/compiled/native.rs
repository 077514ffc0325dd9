//! The one place outside `callbacks` with `unsafe`: compiled code becomes a component again.
//!
//! `Component::deserialize` trusts its bytes: they are machine code with tables beside it, and whoever writes them runs what
//! he likes in this process. So what is given to it here are bytes that this host sealed itself, and only those. The whole
//! argument is in this file: a [`Seal`] is all that makes and opens entries, and [`load`] opens before it deserializes.

use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    memcmp,
    pkey::{PKey, Private},
    sign::Signer,
};
use wasmtime::{Engine, component::Component};

use super::{Doubt, Name};

/// Bytes of an entry before the code: HMAC-SHA-256 over a name and the code.
pub(super) const TAG: usize = 32;

/// What the code in an entry is authenticated with: a secret key that only this user can read.
pub(super) struct Seal(PKey<Private>);

impl Seal {
    pub(super) fn new(key: &[u8]) -> Result<Self, ErrorStack> {
        PKey::hmac(key).map(Self)
    }

    /// The entry of this name for code that this host has just compiled.
    pub(super) fn entry(&self, name: &Name, component: &Component) -> wasmtime::Result<Vec<u8>> {
        let code = component.serialize()?;
        let mut entry = self.tag(name, &code)?;
        entry.reserve_exact(code.len());
        entry.extend_from_slice(&code);
        Ok(entry)
    }

    fn tag(&self, name: &Name, code: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0)?;
        signer.update(name.as_bytes())?;
        signer.update(code)?;
        signer.sign_to_vec()
    }
}

/// The component in `entry`, if the entry was sealed under this name.
///
/// # Errors
/// It was not, or this engine takes other code: the module is compiled again.
#[allow(unsafe_code)]
pub(super) fn load(engine: &Engine, seal: &Seal, name: &Name, entry: &[u8]) -> Result<Component, Doubt> {
    let (tag, code) = entry.split_at_checked(TAG).ok_or(Doubt::Truncated)?;
    let expected = seal.tag(name, code).map_err(|_| Doubt::Seal)?;
    if expected.len() != tag.len() || !memcmp::eq(&expected, tag) {
        return Err(Doubt::Seal);
    }
    // SAFETY: `Component::deserialize` asks for unmodified bytes of `Component::serialize` of the same version of wasmtime.
    // - They come from it: the tag over them was made with a key of 256 random bits that is in this user's private file and in
    //   memory, and nothing but `Seal::entry`, which takes them from `serialize`, makes tags with it. Whoever could forge one
    //   could read this user's files or this process's memory, and needs no cache to run code as this user.
    // - They are unmodified, and meant for this engine and this module: the tag covers every byte, of known length to its end,
    //   and the name, which stands for the engine's compatibility hash (wasmtime's version, the CPU's features, the compiler's
    //   settings) and the module's SHA-256. wasmtime checks version and settings again by itself.
    // - They stay so: they are in this process's memory since before the tag was checked, borrowed here and not a mapped file,
    //   and `deserialize` copies them.
    unsafe { Component::deserialize(engine, code) }.map_err(|error| Doubt::Foreign(format!("{error:#}")))
}
