//! From a core module to a component.

use std::path::Path;

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The magic number and version of a component, as opposed to a core module's.
pub(crate) const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The component that a core module makes which describes itself, as those of wit-bindgen's
/// languages do. WASI preview 1, where it imports that, becomes the host's WASI 0.2, which gives
/// nothing. A component stays what it is.
///
/// # Errors
/// It is no such module.
pub fn of_module(module: &[u8]) -> Result<Vec<u8>> {
    if module.starts_with(&COMPONENT) {
        return Ok(module.to_owned());
    }
    let module = &without_debug_information(module)?;
    // Taken up only by a module that imports it, as C++'s library does for its last words.
    let (name, adapter) = (WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
    ComponentEncoder::default().validate(true).module(module)?.adapter(name, adapter)?.encode()
}

/// The module without its DWARF, which is many times the size of the rest. Functions keep their
/// names, for a trap's backtrace.
fn without_debug_information(module: &[u8]) -> Result<Vec<u8>> {
    let mut kept = module.to_owned();
    let mut at = 8;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let Some((_, content)) = payload.as_section() else { continue };
        // A section's header, which tells its kind and its length, lies between the end of the one
        // before and its content.
        let whole = at..content.end;
        at = content.end;
        if matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(".debug")) {
            let end = kept.len() - (module.len() - whole.end);
            kept.drain(end - whole.len()..end);
        }
    }
    Ok(kept)
}

/// The component that a core module makes which does not describe itself and imports WASI preview
/// 1, answered by the text of an adapter. Its exports are those of the one world in `wit`.
///
/// # Errors
/// They do not fit one another.
pub(crate) fn component_with_wasi(module: &[u8], adapter: &Path, wit: &Path) -> Result<Vec<u8>> {
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
pub(crate) fn described(mut module: Vec<u8>, wit: &Path) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("{} cannot be read", wit.display()))?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_loses_its_debug_information_and_nothing_else() {
        let text = r#"(module (@custom ".debug_info" "abc") (func $named) (@custom "mine" "kept") (@custom ".debug_str" "defg"))"#;
        let module = without_debug_information(&wat::parse_str(text).unwrap()).unwrap();
        let expected = r#"(module (func $named) (@custom "mine" "kept"))"#;
        assert_eq!(module, wat::parse_str(expected).unwrap());
        assert_eq!(without_debug_information(&module).unwrap(), module);
    }
}
