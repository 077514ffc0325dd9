//! Reprise: TLS session caching for OpenSSL servers, decided by sandboxed WebAssembly policies.

#![deny(unsafe_code)]

mod callbacks;
pub mod policies_dir;
pub mod policy;
pub mod session;
pub mod store;

pub use callbacks::Prototype;
