//! Hand-written WebAssembly text: a core module, told what its world is.

use anyhow::Result;
use reprise_authoring::component::described;

use super::{Policy, world::World};
use crate::policies::encode;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let module = wat::parse_file(policy.folder.join("policy.wat"))?;
    encode(&described(module, &World::of(policy)?.folder)?)
}
