//! What fuzz targets need and nobody else: no part of the API.

pub use crate::{handshake::hello::Hello, revocation::Revocation, session::keyring::file::KeyringFile};
