//! The WIT that a policy is built against: its own world.wit, and the interface as its dependency.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Policy, emptied};

/// Every policy's world is called so, so that what is generated has the same names everywhere.
pub(super) const NAME: &str = "policy";

/// A policy's world.
pub(super) struct World {
    /// The folder with the WIT, as toolchains want it: the world, and under `deps` what it includes.
    pub(super) folder: PathBuf,
}

/// What a generator has written.
pub(super) struct Bindings {
    pub(super) folder: PathBuf,
    /// The names of the interfaces that the policy exports: `get-session` and so on.
    pub(super) exports: Vec<String>,
}

impl World {
    pub(super) fn of(policy: &Policy) -> Result<Self> {
        let folder = emptied(policy.scratch.join("wit"))?;
        fs::create_dir(folder.join("deps"))?;
        fs::copy(policy.folder.join("world.wit"), folder.join("world.wit"))?;
        fs::copy(policy.root.join("wit/session-cache.wit"), folder.join("deps/session-cache.wit"))?;
        Ok(Self { folder })
    }

    /// Has a generator of [`reprise_authoring::bindings`] write into a folder of the policy's scratch.
    pub(super) fn bindings(
        &self,
        policy: &Policy,
        generate: impl FnOnce(&Path, &Path) -> Result<Vec<String>>,
    ) -> Result<Bindings> {
        let folder = emptied(policy.scratch.join("bindings"))?;
        let exports = generate(&self.folder, &folder)?;
        Ok(Bindings { folder, exports })
    }
}
