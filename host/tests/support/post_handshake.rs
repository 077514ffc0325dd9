//! A client that is asked for its certificate after the handshake (RFC 8446 section 4.6.2).

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use openssl::ssl::SslStream;

use super::{Client, ffi, greet};

/// Lets the client be asked: it answers the request, then reads the tickets that follow it.
pub fn answering(client: Client) -> Client {
    client.adjusted(ffi::allow_post_handshake_auth).then(|stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(&byte).unwrap();
        stream.read_exact(&mut byte).unwrap();
        let _ = stream.shutdown();
    })
}

/// Accepts, and asks for a certificate then.
pub fn ask_later(stream: &mut SslStream<UnixStream>) -> Result<(), String> {
    stream.accept().map_err(|error| error.to_string())?;
    greet(stream)?;
    assert!(ffi::verify_client_post_handshake(stream.ssl()));
    stream.do_handshake().map_err(|error| error.to_string())?;
    greet(stream)?;
    stream.write_all(b"!").map_err(|error| error.to_string())
}
