//! OpenSSL's side. The unsafe room.
#![allow(unsafe_code)]
mod prototype;
pub use prototype::Prototype;
