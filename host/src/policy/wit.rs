//! The interface as Rust types, made from `wit/session-cache.wit`.
//!
//! The types are also what the rest of the host speaks: a fact gathered in a callback is lowered into a sandbox as it is.

#![allow(missing_docs)] // The documentation of these items is that of the WIT file.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "policy",
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
});

pub use self::reprise::session_cache::{observe, state, types};
