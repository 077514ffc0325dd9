//! What fuzz targets need and nobody else: no part of the API.

#[cfg(feature = "redis")]
pub use crate::store::redis::bounds::{BULK, DEPTH, Excess, LINE, REPLY, Scanner};
pub use crate::{handshake::hello::Hello, revocation::Revocation, session::keyring::file::KeyringFile};
