//! From what lies in a file to a component: a component as it is, a core module that says what it
//! is for, or the text of either.
//!
//! What a core module is for stands in its WIT metadata, custom sections called `component-type…`
//! that wit-bindgen leaves in a module of any language. A module without them says it by its
//! exports, where they are named as the canonical ABI names them:
//! `reprise:session-cache/get-session@0.1.0#decide`. One that imports WASI 0.1
//! (`wasi_snapshot_preview1`) is linked with the adapter that makes WASI 0.2 of it, which is what
//! [`wasi`](super::wasi) then answers.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    str,
};

use anyhow::Context;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::contract::{EXPORTS, Mismatch, PACKAGE, VERSION};

/// The first eight bytes of a component and of a core module: magic number, version, layer.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The longest text that is read. Text is written by hand; its parser takes many times the memory that it has.
const MAX_TEXT: usize = 1 << 20;
const METADATA: &str = "component-type";

/// The binary that `file` has, or is the text of.
///
/// # Errors
/// It is neither.
pub(super) fn binary(file: &[u8]) -> Result<Cow<'_, [u8]>, Mismatch> {
    if file.starts_with(COMPONENT) || file.starts_with(CORE_MODULE) {
        return Ok(file.into());
    }
    if let Some(text) = text(file) {
        return assemble(text).map(Cow::Owned);
    }
    let (found, hint) = if file.starts_with(b"\0asm") {
        let version = file.get(4..8).unwrap_or_default();
        (format!("a WebAssembly binary of unknown version {version:02x?}"), "Build it with current tools.")
    } else if file.is_empty() {
        ("an empty file".into(), "Copy the module again, beside it and then renamed over it.")
    } else {
        let start = &file[..file.len().min(8)];
        (
            format!("{} bytes that begin with \"{}\"", file.len(), start.escape_ascii()),
            "Put a policy's component there, a core module made with wit-bindgen, or the text of one; or remove the file.",
        )
    };
    Err(Mismatch { expected: "a WebAssembly component, or a core module".into(), found, hint: hint.into() })
}

/// The component that `binary` describes, if it is a core module; none if it is a component itself.
///
/// # Errors
/// It does not describe itself, or is not what it says.
pub(super) fn component(binary: &[u8]) -> Result<Option<Vec<u8>>, Mismatch> {
    if !binary.starts_with(CORE_MODULE) {
        return Ok(None);
    }
    let says = Says::of(binary);
    if !says.metadata && says.exports.is_empty() {
        return Err(Mismatch {
            expected: "a WebAssembly component, or a core module with WIT metadata (a custom section `component-type…`)"
                .into(),
            found: "a core module without".into(),
            hint: "Build it with wit-bindgen's bindings for its language, made from wit/session-cache.wit; or `wasm-tools component \
                   embed`, with `--world policy`."
                .into(),
        });
    }
    // What a bug there runs into is this module's trouble, and no other's.
    let encoded = catch_unwind(AssertUnwindSafe(|| encode(binary, &says)));
    let encoded =
        encoded.unwrap_or_else(|_| Err(anyhow::anyhow!("the encoder panicked: report this as a bug in Reprise")));
    encoded.map(Some).map_err(|error| {
        let found = format!("{error:#}");
        Mismatch { expected: "a core module that a component can be made of".into(), hint: hint(&found).into(), found }
    })
}

/// `file` as text of the kind that begins a module: an open parenthesis, after comments if there are any.
fn text(file: &[u8]) -> Option<&str> {
    let start = file.trim_ascii_start();
    (start.starts_with(b"(") || start.starts_with(b";;")).then(|| str::from_utf8(file).ok())?
}

fn assemble(text: &str) -> Result<Vec<u8>, Mismatch> {
    if text.len() > MAX_TEXT {
        return Err(Mismatch {
            expected: format!("at most {MAX_TEXT} bytes of text"),
            found: text.len().to_string(),
            hint: "Make a binary of it: `wasm-tools parse FILE -o NAME.wasm`.".into(),
        });
    }
    wat::parse_str(text).map_err(|error| Mismatch {
        expected: "the text of a component, or of a core module".into(),
        // The place first: its picture of the line does not fit a line.
        found: error.to_string(),
        hint: "Correct the text at that place and save the file again.".into(),
    })
}

/// What a core module says of itself.
#[derive(Default)]
struct Says {
    metadata: bool,
    /// The interfaces whose functions it exports under the names of the canonical ABI.
    exports: Vec<&'static str>,
}

impl Says {
    /// What cannot be read is left to the encoder, which says more about it.
    fn of(module: &[u8]) -> Self {
        let mut says = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload {
                Ok(Payload::CustomSection(section)) => says.metadata |= section.name().starts_with(METADATA),
                Ok(Payload::ExportSection(exports)) => {
                    let names = || exports.clone().into_iter().flatten().map(|export| export.name);
                    let there = |(interface, function, _): &(_, _, _)| {
                        let name = format!("{PACKAGE}{interface}@{VERSION}#{function}");
                        names().any(|export| export == name)
                    };
                    says.exports = EXPORTS.iter().filter(|export| there(export)).map(|export| export.0).collect();
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        says
    }

    /// The WIT of a world with these exports, and all imports that there are.
    fn world(&self) -> String {
        let exports: String =
            self.exports.iter().map(|interface| format!("export {PACKAGE}{interface}@{VERSION};\n")).collect();
        format!("package reprise:named; world named {{ include {PACKAGE}imports@{VERSION};\n{exports}}}")
    }
}

fn encode(module: &[u8], says: &Says) -> anyhow::Result<Vec<u8>> {
    let module = if says.metadata { module.into() } else { Cow::Owned(described(module, says)?) };
    ComponentEncoder::default()
        .validate(true)
        // The adapter takes its own memory so: the allocator of a module (Go's, for one) may not be
        // called before the module is initialized, and that may be what calls the adapter.
        .realloc_via_memory_grow(true)
        .module(&module)
        .context("its metadata cannot be read")?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .encode()
}

/// The module with the metadata that follows from the names of its exports.
fn described(module: &[u8], says: &Says) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_str("session-cache.wit", include_str!("../../../../wit/session-cache.wit"))?;
    let package = resolve.push_str("named.wit", &says.world())?;
    let world = resolve.select_world(&[package], None)?;
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// What to do about a module that no component can be made of.
fn hint(found: &str) -> &'static str {
    if found.contains("`env`") {
        "Link what it takes from `env` into it, or remove what needs it: a policy has what it is built with, and the imports of \
         wit/session-cache.wit."
    } else if found.contains("wasi_unstable") {
        "Build it with current tools: WASI's first snapshot is not known here."
    } else {
        "Build it as a library without `main` (a reactor), with bindings made from this host's wit/session-cache.wit; \
         `wasm-tools component new FILE` says more."
    }
}
