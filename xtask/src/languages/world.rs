//! The WIT that a policy is built against: its own world.wit, and the interface as its dependency.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use wit_bindgen_core::{
    Files, WorldGenerator,
    wit_parser::{Resolve, WorldId, WorldItem, WorldKey},
};
use wit_component::{StringEncoding, embed_component_metadata};

use super::{Policy, emptied};

/// Every policy's world is called so, so that what is generated has the same names everywhere.
pub(super) const NAME: &str = "policy";

/// A policy's world.
pub(super) struct World {
    /// The folder with the WIT, as toolchains want it: the world, and under `deps` what it includes.
    pub(super) folder: PathBuf,
    resolve: Resolve,
    id: WorldId,
}

impl World {
    pub(super) fn of(policy: &Policy) -> Result<Self> {
        let folder = emptied(policy.scratch.join("wit"))?;
        fs::create_dir(folder.join("deps"))?;
        fs::copy(policy.folder.join("world.wit"), folder.join("world.wit"))?;
        fs::copy(policy.root.join("wit/session-cache.wit"), folder.join("deps/session-cache.wit"))?;
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&folder)?;
        let id = resolve.select_world(&[package], Some(NAME))?;
        Ok(Self { folder, resolve, id })
    }

    /// The names of the interfaces that the policy exports: `get-session` and so on.
    pub(super) fn exports(&self) -> Vec<&str> {
        let names = self.resolve.worlds[self.id].exports.iter().filter_map(|(key, item)| match (key, item) {
            (WorldKey::Interface(id), WorldItem::Interface { .. }) => self.resolve.interfaces[*id].name.as_deref(),
            _ => None,
        });
        names.collect()
    }

    /// Tells a core module what its world is, where its toolchain does not.
    pub(super) fn embed_in(&self, module: &mut Vec<u8>) -> Result<()> {
        let mut resolve = wit_parser::Resolve::default();
        let (package, _) = resolve.push_dir(&self.folder)?;
        let id = resolve.select_world(&[package], Some(NAME))?;
        embed_component_metadata(module, &resolve, id, StringEncoding::UTF8)
    }

    /// Has a generator write its bindings into a folder of the policy's scratch.
    pub(super) fn bindings(&self, policy: &Policy, mut generator: Box<dyn WorldGenerator>) -> Result<PathBuf> {
        let folder = emptied(policy.scratch.join("bindings"))?;
        let mut files = Files::default();
        generator.generate(&mut self.resolve.clone(), self.id, &mut files)?;
        for (name, content) in files.iter() {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap_or(&folder))?;
            fs::write(&file, content).with_context(|| format!("{} could not be written", file.display()))?;
        }
        Ok(folder)
    }
}
