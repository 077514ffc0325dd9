//! The runtime: everything that policies share.

use std::{path::Path, sync::Arc};

use super::{Manifest, Policy, Rejection, RuntimeOptions};

/// What is to become a policy.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The module's file, as shown to the operator.
    pub file: &'a Path,
    /// The policy's name: the file's stem without its number.
    pub name: &'a str,
    /// Counts the modules that went live under this name, from 1.
    pub generation: u64,
    /// The module's bytes.
    pub module: &'a [u8],
    /// What its NAME.toml says.
    pub manifest: &'a Manifest,
}

/// Everything that policies share: the engine, what they may import, the threads that watch them, and each name's memory.
/// A clone is the same runtime.
#[derive(Clone)]
pub struct Runtime {
    options: Arc<RuntimeOptions>,
}

impl Runtime {
    /// A runtime with these limits.
    ///
    /// # Errors
    /// The engine does not work on this machine, or no thread can be started.
    pub fn new(options: RuntimeOptions) -> anyhow::Result<Self> {
        Ok(Self { options: Arc::new(options) })
    }

    /// The limits it was made with.
    pub fn options(&self) -> &RuntimeOptions {
        &self.options
    }

    /// Makes a policy of a candidate: compiles it, holds its imports and exports against the interface, configures it, calls
    /// each callback once and warms its instances. Takes from milliseconds to seconds: never call it on a handshake's thread.
    ///
    /// # Errors
    /// The step at which it failed, and what to do.
    pub fn load(&self, _candidate: Candidate<'_>) -> Result<Arc<Policy>, Rejection> {
        unimplemented!()
    }
}
