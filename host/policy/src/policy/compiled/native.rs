//! The one place outside `callbacks` with `unsafe`: compiled code becomes a component again.
//!
//! `Component::deserialize` trusts its bytes: they are machine code with tables beside it, and
//! whoever writes them runs what he likes in this process. So what is given to it here is [`Code`],
//! and only that: what this process compiled itself, or what was sealed with a key of ours by this
//! host or by a process that it started to compile. The whole argument is in this file: nothing
//! else makes `Code`, and `Code` is all that [`Code::load`] deserializes.

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
/// Bytes of code before what wasmtime made: the bytes of linear memory that an instance begins with.
const BEGINS_WITH: usize = 8;

/// What a component was compiled to.
pub(in crate::policy) struct Code(Vec<u8>);

/// What the code in an entry is authenticated with: a secret key. A cache's is in a file that only
/// this user can read; a compiling process's is made for one module and told to that process alone.
pub(in crate::policy) struct Seal(PKey<Private>);

impl Code {
    /// The code of a component that was compiled in this process, whose instances begin with so much memory.
    pub(in crate::policy) fn of(component: &Component, begins_with: usize) -> wasmtime::Result<Self> {
        Ok(Self::new(component.serialize()?, begins_with))
    }

    /// Compiles a component, without the means to run it.
    pub(in crate::policy) fn compile(engine: &Engine, component: &[u8], begins_with: usize) -> wasmtime::Result<Self> {
        Ok(Self::new(engine.precompile_component(component)?, begins_with))
    }

    fn new(mut code: Vec<u8>, begins_with: usize) -> Self {
        let begins_with = (begins_with as u64).to_le_bytes();
        code.splice(..0, begins_with);
        Self(code)
    }

    /// The component, and the memory that its instances begin with.
    ///
    /// # Errors
    /// This engine takes other code: the module is compiled again.
    #[allow(unsafe_code)]
    pub(in crate::policy) fn load(&self, engine: &Engine) -> Result<(Component, usize), Doubt> {
        let (begins_with, code) = self.0.split_first_chunk::<BEGINS_WITH>().ok_or(Doubt::Truncated)?;
        let begins_with = usize::try_from(u64::from_le_bytes(*begins_with)).unwrap_or(usize::MAX);
        // SAFETY: `Component::deserialize` asks for unmodified bytes of `Component::serialize` or
        // `Engine::precompile_component` of the same version of wasmtime.
        // - They come from it. `Code` is made in three ways: `of` and `compile`, which call these
        //   two; and `Seal::open`, which opens what `Seal::entry` made of `Code`, for nothing else
        //   makes tags. The key of a seal is 256 random bits. A cache's is in this user's private
        //   file and in memory: whoever could forge an entry could read this user's files or this
        //   process's memory, and needs no cache to run code as this user. A compiling process's is
        //   told to one process, by its standard input, which this process started from the program
        //   that its owner named; it is the same code as this (`compiling/child.rs`), and answers
        //   by a pipe that nobody else holds. A module that takes such a process over, by a fault
        //   of the compiler, gains what it would have gained where modules are compiled in this
        //   one.
        // - They are unmodified, and meant for this engine and this module: the tag covers every
        //   byte, of known length to its end, and the name, which stands for the engine's
        //   compatibility hash (wasmtime's version, the CPU's features, the compiler's settings)
        //   and the module's SHA-256. wasmtime checks version and settings again by itself.
        // - They stay so: they are in this process's memory since before the tag was checked,
        //   borrowed here and not a mapped file, and `deserialize` copies them.
        let component = unsafe { Component::deserialize(engine, code) };
        let component = component.map_err(|error| Doubt::Foreign(format!("{error:#}")))?;
        Ok((component, begins_with))
    }
}

impl Seal {
    pub(in crate::policy) fn new(key: &[u8]) -> Result<Self, ErrorStack> {
        PKey::hmac(key).map(Self)
    }

    /// The entry of this name for `code`.
    pub(in crate::policy) fn entry(&self, name: &Name, code: &Code) -> Result<Vec<u8>, ErrorStack> {
        let mut entry = self.tag(name, &code.0)?;
        entry.reserve_exact(code.0.len());
        entry.extend_from_slice(&code.0);
        Ok(entry)
    }

    /// The code in `entry`, if it was sealed under this name.
    ///
    /// # Errors
    /// It was not, or changed since.
    pub(in crate::policy) fn open(&self, name: &Name, mut entry: Vec<u8>) -> Result<Code, Doubt> {
        let (tag, code) = entry.split_at_checked(TAG).ok_or(Doubt::Truncated)?;
        let expected = self.tag(name, code).map_err(|_| Doubt::Seal)?;
        if expected.len() != tag.len() || !memcmp::eq(&expected, tag) {
            return Err(Doubt::Seal);
        }
        entry.drain(..TAG);
        Ok(Code(entry))
    }

    fn tag(&self, name: &Name, code: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0)?;
        signer.update(name.as_bytes())?;
        signer.update(code)?;
        signer.sign_to_vec()
    }
}
