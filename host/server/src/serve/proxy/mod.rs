//! The PROXY protocol, version 2: who is at the far ends of a connection that somebody forwards.
//!
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>. Encoding and decoding is that of the crate `proxy-header`; what
//! is ours is whose headers are believed, the checksum, and what the backend is told.

mod accept;
mod send;

use std::net::SocketAddr;

pub use self::accept::endpoints;
pub(crate) use self::send::header;

/// The ends of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The client.
    pub source: SocketAddr,
    /// What the client connected to. None where that is this server itself.
    pub destination: Option<SocketAddr>,
}
