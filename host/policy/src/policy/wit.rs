//! A policy's imports and exports in Rust, made from `wit/session-cache.wit`. The types are those
//! of [`reprise_session::verdict::wit`].

#![allow(missing_docs)] // The documentation of these items is that of the WIT file.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "policy",
    with: { "reprise:session-cache/types": reprise_session::verdict::wit::types },
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
});

pub use self::reprise::session_cache::{observe, state};
pub use reprise_session::verdict::wit::types;
