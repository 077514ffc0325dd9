//! Hand-written WebAssembly text: a core module, told what its world is.

use anyhow::Result;

use super::{Policy, world::World};
use crate::policies::encode;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let mut module = wat::parse_file(policy.folder.join("policy.wat"))?;
    world.embed_in(&mut module)?;
    encode(&module)
}
