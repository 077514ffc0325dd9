//! Hand-written WebAssembly text: a core module, told what its world is.

use anyhow::Result;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{
    Policy,
    world::{self, World},
};
use crate::policies::encode;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let mut module = wat::parse_file(policy.folder.join("policy.wat"))?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&world.folder)?;
    let id = resolve.select_world(&[package], Some(world::NAME))?;
    embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8)?;
    encode(&module)
}
