//! A connection's addresses, where OpenSSL has its socket (`SSL_get_fd`). HAProxy, httpd and whoever uses memory BIOs keep it to
//! themselves.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::BorrowedFd,
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;
use socket2::SockRef;

use crate::{ffi, tls::errors};

/// What is known of both ends.
#[derive(Default)]
pub struct Addresses {
    /// `getsockname`
    pub local: Option<SocketAddr>,
    /// `getpeername`
    pub peer: Option<IpAddr>,
}

/// The addresses of a connection.
pub fn addresses(ssl: &SslRef) -> Addresses {
    // SAFETY: a live connection, read only. Without a socket it leaves an error behind, which is not the program's.
    let number = errors::aside(|| unsafe { ffi::SSL_get_fd(ssl.as_ptr()) });
    if number < 0 {
        return Addresses::default();
    }
    // SAFETY: OpenSSL reads and writes there in this handshake, so it is open while this runs.
    let socket = unsafe { BorrowedFd::borrow_raw(number) };
    let socket = SockRef::from(&socket);
    let of = |address: std::io::Result<socket2::SockAddr>| address.ok().and_then(|address| address.as_socket());
    Addresses { local: of(socket.local_addr()), peer: of(socket.peer_addr()).map(|peer| peer.ip().to_canonical()) }
}
