//! From a core module to a component.

use std::path::Path;

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The magic number and version of a component, as opposed to a core module's.
pub(crate) const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The component that a core module makes which describes itself, as those of wit-bindgen's languages do. WASI preview 1,
/// where it imports that, becomes the host's WASI 0.2, which gives nothing. A component stays what it is.
///
/// # Errors
/// It is no such module.
pub(crate) fn component(module: &[u8]) -> Result<Vec<u8>> {
    if module.starts_with(&COMPONENT) {
        return Ok(module.to_owned());
    }
    // Taken up only by a module that imports it, as C++'s library does for its last words.
    let (name, adapter) = (WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
    ComponentEncoder::default().validate(true).module(module)?.adapter(name, adapter)?.encode()
}

/// The component that a core module makes which does not describe itself and imports WASI preview 1, answered by the text of an
/// adapter. Its exports are those of the one world in `wit`.
///
/// # Errors
/// They do not fit one another.
pub fn component_with_wasi(module: &[u8], adapter: &Path, wit: &Path) -> Result<Vec<u8>> {
    let adapter = wat::parse_file(adapter)?;
    let module = described(module.to_owned(), wit)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, &adapter)?
        .encode()
}

/// The core module, saying that its world is the one in `wit`.
///
/// # Errors
/// The WIT does not parse, or `module` is no module.
pub fn described(mut module: Vec<u8>, wit: &Path) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("{} cannot be read", wit.display()))?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}
