//! ClientHellos written byte by byte, as a stranger would: with ids and identities that no client of ours would send.

use std::{io::Write, net::Shutdown, os::unix::net::UnixStream};

use openssl::ssl::SslContext;

use super::ffi::CServer;

/// What a ClientHello offers.
#[derive(Clone, Copy)]
pub enum Offer<'a> {
    /// TLS 1.2, with this session id.
    Id(&'a [u8]),
    /// TLS 1.3, with these PSK identities and binders of zeros.
    Identities(&'a [&'a [u8]]),
}

/// A ClientHello for a.example in a record of its own, with a key share for x25519.
pub fn client_hello(offer: Offer<'_>) -> Vec<u8> {
    client_hello_for("a.example", (X25519, &[9; 32]), offer)
}

/// The group x25519 (RFC 8446 section 4.2.7).
pub const X25519: u16 = 0x1d;
/// The group secp256r1.
pub const P_256: u16 = 0x17;

/// A ClientHello for this server name, with this key share, in a record of its own.
pub fn client_hello_for(server_name: &str, (group, share): (u16, &[u8]), offer: Offer<'_>) -> Vec<u8> {
    let session_id: &[u8] = if let Offer::Id(id) = offer { id } else { &[] };
    let mut extensions = [
        extension(0, &vector16(&[&[0][..], &vector16(server_name.as_bytes())].concat())),
        extension(10, &vector16(&[X25519.to_be_bytes(), P_256.to_be_bytes()].concat())),
        extension(11, &[1, 0]),
        // ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256.
        extension(13, &vector16(&[4, 3, 8, 4])),
        extension(23, &[]),
    ]
    .concat();
    if let Offer::Identities(identities) = offer {
        extensions.extend(extension(43, &[2, 3, 4]));
        extensions.extend(extension(45, &[1, 1]));
        extensions.extend(extension(51, &vector16(&[&group.to_be_bytes()[..], &vector16(share)].concat())));
        let offered: Vec<u8> =
            identities.iter().flat_map(|identity| [vector16(identity), vec![0; 4]].concat()).collect();
        let binders: Vec<u8> = identities.iter().flat_map(|_| [&[32][..], &[0; 32]].concat()).collect();
        if !identities.is_empty() {
            extensions.extend(extension(41, &[vector16(&offered), vector16(&binders)].concat()));
        }
    }
    let hello = [
        &[3, 3][..],
        &[7; 32],
        &[session_id.len() as u8],
        session_id,
        // TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384.
        &vector16(&[0x13, 2, 0x13, 1, 0xc0, 0x2c]),
        &[1, 0],
        &vector16(&extensions),
    ]
    .concat();
    let message = [&[1, 0][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
    [&[22, 3, 1][..], &vector16(&message)].concat()
}

/// Gives a server these bytes and then the end of the stream; its handshake fails.
pub fn offend(context: &SslContext, bytes: &[u8]) {
    let (near, mut far) = UnixStream::pair().unwrap();
    far.write_all(bytes).unwrap();
    far.shutdown(Shutdown::Write).unwrap();
    let mut server = CServer::new(context, near);
    assert!(!server.accept(), "nobody finished this handshake");
    drop(server);
    drop(openssl::error::ErrorStack::get());
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(content)].concat()
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}
