//! Write Reprise session-cache policies in Rust.
//!
//! A policy decides which TLS sessions of an OpenSSL server are kept, on which terms, and which may be resumed. It is a pure
//! function of the facts that it is given: it implements [`Policy`], whose every callback has no opinion unless it is
//! overridden, and [`export!`] makes a WebAssembly module of it. Its logic is plain Rust, tested with plain `cargo test`.
//!
//! ```
//! use reprise_sdk::prelude::*;
//!
//! /// Sessions of the names given resume for a short time only, and from the address that made them.
//! #[derive(Default)]
//! struct Cautious {
//!     names: Vec<String>,
//! }
//!
//! impl Policy for Cautious {
//!     fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
//!         Ok(Self { names: settings.server_names("name")? })
//!     }
//!
//!     fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
//!         if !session.server_name.as_ref().is_some_and(|name| self.names.contains(name)) {
//!             return NewVerdict::no_opinion();
//!         }
//!         let note = connection.peer.as_ref().map(|peer| peer.as_bytes().to_vec());
//!         NewVerdict::Keep(Terms { lifetime: Some(600), note, ..Terms::default() })
//!     }
//!
//!     fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
//!         let elsewhere = candidate.note.as_deref() != connection.peer.as_ref().map(|peer| peer.as_bytes());
//!         if candidate.note.is_some() && elsewhere { GetVerdict::FullHandshake } else { GetVerdict::Resume }
//!     }
//! }
//!
//! reprise_sdk::export!(Cautious: new_session, get_session);
//!
//! # use reprise_sdk::testing;
//! let policy: Cautious = testing::configured(&[("name", "bank.example")]).unwrap();
//! assert_eq!(policy.get_session(&testing::connection(), &testing::session()), GetVerdict::Resume);
//! ```
//!
//! # Layout
//!
//! - [`Policy`], [`export!`]: what a policy implements, and how it becomes a module
//! - [`Settings`]: the `[settings]` table of NAME.toml, read key by key into the policy's own types
//! - [`certificate`], [`network`], [`server_name`]: what policies compare
//! - [`state`], [`observe`]: what the host offers: a small memory, log lines and counters
//! - [`testing`]: facts to test with, and what a policy logged (not on Wasm)
//!
//! # Building
//!
//! The crate of a policy has `crate-type = ["cdylib", "rlib"]` and is built for `wasm32-unknown-unknown` (no WASI is needed):
//!
//! ```text
//! cargo build --release --target wasm32-unknown-unknown
//! ```
//!
//! What comes out is a core module that describes itself, and the host takes it as it is. `wasm-tools component new MODULE.wasm -o
//! NAME.wasm` makes a component of it for those who want one, and so does `cargo xtask plugins`.

#![deny(unsafe_code)]

pub mod certificate;
mod exports;
mod facts;
pub mod network;
pub mod observe;
mod policy;
pub mod server_name;
pub mod settings;
pub mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[doc(hidden)]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The generator's glue to the canonical ABI.
pub mod bindings;
#[doc(hidden)]
pub use exports::Instance;

pub use bindings::shared::reprise::session_cache::types::{
    Certificate, Connection, GetVerdict, NewVerdict, Priority, Reach, Removal, RemoveVerdict, Session, SessionId,
    Terms, TlsVersion,
};
pub use policy::Policy;
pub use settings::{Settings, SettingsError};

/// What nearly every policy needs: `use reprise_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Certificate, Connection, GetVerdict, NewVerdict, Policy, Removal, RemoveVerdict, Session, Settings,
        SettingsError, Terms, observe, state,
    };
}
