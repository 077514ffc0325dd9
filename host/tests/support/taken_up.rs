//! Connections that can be taken up again while a store is asked.

use std::{os::unix::net::UnixStream, task::Waker};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslStream};
use reprise::Host;

use super::{Client, Outcome, serve, try_handshake_served};

/// A connection that says that it can be taken up again. Its test does so when it likes.
pub fn declared(host: &Host, context: &SslContext) -> Ssl {
    let mut ssl = Ssl::new(context).unwrap();
    host.handles_retry(&mut ssl, Waker::noop()).unwrap();
    ssl
}

/// A handshake on a server's connection that may be one of these; `meanwhile` happens each time that it waits.
pub fn waiting(
    host: &Host,
    server: Ssl,
    client: &Client,
    mut meanwhile: impl FnMut(&SslStream<UnixStream>),
) -> Result<Outcome, String> {
    let serve = |stream: &mut SslStream<UnixStream>| {
        while let Err(error) = stream.accept() {
            if error.code() != ErrorCode::WANT_CLIENT_HELLO_CB {
                return Err(error.to_string());
            }
            meanwhile(stream);
        }
        serve(stream)
    };
    try_handshake_served(server, serve, |stream| host.connection(stream.ssl()), client)
}
