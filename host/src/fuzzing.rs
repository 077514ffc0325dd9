//! What fuzz targets and tests of OpenSSL's facts need and nobody else: no part of the API.

use openssl::ssl::SslRef;

use crate::callbacks::tls;
pub use crate::{
    handshake::{
        hello::Hello,
        transcript::{Place, Seen},
    },
    revocation::Revocation,
    session::keyring::file::KeyringFile,
};

/// The ClientHello that a connection has read last, and its bytes if they are kept.
pub fn hello_seen(ssl: &SslRef) -> Option<(Seen, Vec<u8>)> {
    let connection = tls::connection(ssl)?;
    Some((connection.hello_seen()?, connection.hello_bytes()))
}
