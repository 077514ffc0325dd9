//! Who may drop a policy: detached signatures, checked before a byte of a module is looked at.
//!
//! `10-tenants.wasm.sig` is a [minisign](https://jedisct1.github.io/minisign/) signature (Ed25519 over BLAKE2b-512 of the
//! module), whose trusted comment, which is signed too, is a [`Statement`]: the policy's name, and the SHA-256 of the module
//! and of the `.toml` beside it, or that there is none. So a signature stands for one module under one name with one set of
//! settings.
//!
//! - `keys`: the public keys, and the check
//! - `statement`: what a signature says beside its bytes
//! - `error`: why a signature does not hold
//! - `sign`: making keys and signatures (feature `sign`)

mod error;
mod keys;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "sign")]
mod sign_error;
mod statement;
#[cfg(all(test, feature = "sign"))]
mod tests;

pub use self::{
    error::{KeysError, SignatureError},
    keys::{PolicyKeys, Signed},
    statement::Statement,
};
