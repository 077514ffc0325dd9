//! The interface's types in Rust, made from `wit/session-cache.wit`.
//!
//! They are what the whole host speaks: a fact gathered in a callback is lowered into a sandbox as it is.

#![allow(missing_docs)] // The documentation of these items is that of the WIT file.

wasmtime::component::bindgen!({
    inline: "
        package reprise:facts;
        world facts {
            import reprise:session-cache/types@0.1.0;
        }
    ",
    path: "../../wit",
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
});

pub use self::reprise::session_cache::types;
