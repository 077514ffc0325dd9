//! ClientHellos written byte by byte, as a stranger would: with ids and identities that no client of ours would send.

use std::{io::Write, net::Shutdown, os::unix::net::UnixStream};

use openssl::ssl::SslContext;

use super::ffi::CServer;

/// What a ClientHello offers.
#[derive(Clone, Copy)]
pub enum Offer<'a> {
    /// TLS 1.2, with this session id.
    Id(&'a [u8]),
    /// TLS 1.3, with these PSK identities and binders of zeros, as long as those of a cipher suite with SHA-384.
    Identities(&'a [&'a [u8]]),
    /// TLS 1.3 and, for a server that has not got that, this session id.
    Both(&'a [u8], &'a [&'a [u8]]),
}

/// A ClientHello for a.example in a record of its own, with a key share for x25519.
pub fn client_hello(offer: Offer<'_>) -> Vec<u8> {
    client_hello_for("a.example", (X25519, &[9; 32]), offer)
}

/// The same, and it says that 0-RTT data comes (RFC 8446 section 4.2.10), which belongs in TLS 1.3.
pub fn client_hello_with_early_data(offer: Offer<'_>) -> Vec<u8> {
    client_hello_with("a.example", (X25519, &[9; 32]), offer, &extension(42, &[]))
}

/// The group x25519 (RFC 8446 section 4.2.7).
pub const X25519: u16 = 0x1d;
/// The group secp256r1.
pub const P_256: u16 = 0x17;

/// A ClientHello for this server name, with this key share, in a record of its own.
pub fn client_hello_for(server_name: &str, share: (u16, &[u8]), offer: Offer<'_>) -> Vec<u8> {
    client_hello_with(server_name, share, offer, &[])
}

/// The same, with these extensions besides.
pub fn client_hello_with(server_name: &str, (group, share): (u16, &[u8]), offer: Offer<'_>, besides: &[u8]) -> Vec<u8> {
    let (session_id, identities): (&[u8], _) = match offer {
        Offer::Id(id) => (id, None),
        Offer::Identities(identities) => (&[], Some(identities)),
        Offer::Both(id, identities) => (id, Some(identities)),
    };
    let mut extensions = [
        extension(0, &self::server_name(server_name)),
        extension(10, &vector16(&[X25519.to_be_bytes(), P_256.to_be_bytes()].concat())),
        extension(11, &[1, 0]),
        // ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256.
        extension(13, &vector16(&[4, 3, 8, 4])),
        extension(23, &[]),
    ]
    .concat();
    extensions.extend(besides);
    if let Some(identities) = identities {
        let versions: &[u8] = if session_id.is_empty() { &[2, 3, 4] } else { &[4, 3, 4, 3, 3] };
        extensions.extend(extension(43, versions));
        extensions.extend(extension(45, &[1, 1]));
        extensions.extend(extension(51, &vector16(&[&group.to_be_bytes()[..], &vector16(share)].concat())));
        if !identities.is_empty() {
            extensions.extend(extension(41, &self::identities(identities)));
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

/// A ClientHello taken apart, to be changed.
#[derive(Clone)]
pub struct Hello {
    /// Records before it.
    pub before: Vec<u8>,
    pub version: [u8; 2],
    pub random: [u8; 32],
    pub session_id: Vec<u8>,
    pub ciphers: Vec<u8>,
    pub compression: Vec<u8>,
    pub extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// The ClientHello in these records, of which it is the last one; none if it is another message.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let before: Vec<u8> = records(bytes)
            .take_while(|(kind, _)| *kind != 22)
            .flat_map(|(kind, content)| [&[kind, 3, 3][..], &vector16(content)].concat())
            .collect();
        let (_, message) = records(bytes).find(|(kind, _)| *kind == 22)?;
        let mut rest = message.strip_prefix(&[1, 0])?.get(2..)?;
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at(length);
            rest = after;
            taken.to_vec()
        };
        let vector = |take: &mut dyn FnMut(usize) -> Vec<u8>, width: usize| {
            let length = take(width).iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            take(length)
        };
        let (version, random) = (take(2).try_into().unwrap(), take(32).try_into().unwrap());
        let session_id = vector(&mut take, 1);
        let ciphers = vector(&mut take, 2);
        let compression = vector(&mut take, 1);
        let mut list = &vector(&mut take, 2)[..];
        let mut extensions = Vec::new();
        while let [high, low, long, short, after @ ..] = list {
            let (content, after) = after.split_at(usize::from(u16::from_be_bytes([*long, *short])));
            extensions.push((u16::from_be_bytes([*high, *low]), content.to_vec()));
            list = after;
        }
        Some(Self { before, version, random, session_id, ciphers, compression, extensions })
    }

    /// The records with it.
    pub fn write(&self) -> Vec<u8> {
        let extensions: Vec<u8> =
            self.extensions.iter().flat_map(|(kind, content)| extension(*kind, content)).collect();
        let hello = [
            &self.version[..],
            &self.random,
            &[self.session_id.len() as u8],
            &self.session_id,
            &vector16(&self.ciphers),
            &[self.compression.len() as u8],
            &self.compression,
            &vector16(&extensions),
        ]
        .concat();
        let message = [&[1, 0][..], &vector16(&hello)].concat();
        [&self.before[..], &[22, 3, 1], &vector16(&message)].concat()
    }

    /// With this content of an extension. A new one is put in front, for `pre_shared_key` has to be last.
    pub fn with(mut self, kind: u16, content: &[u8]) -> Self {
        match self.extensions.iter_mut().find(|(there, _)| *there == kind) {
            Some((_, there)) => *there = content.to_vec(),
            None => self.extensions.insert(0, (kind, content.to_vec())),
        }
        self
    }

    /// Without an extension.
    pub fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(there, _)| *there != kind);
        self
    }
}

/// A `server_name` extension's content.
pub fn server_name(name: &str) -> Vec<u8> {
    vector16(&[&[0][..], &vector16(name.as_bytes())].concat())
}

/// An `application_layer_protocol_negotiation` extension's content.
pub fn protocols(names: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|name| [&[name.len() as u8][..], name.as_bytes()].concat()).collect();
    vector16(&names)
}

/// A `pre_shared_key` extension's content, with binders of zeros.
pub fn identities(identities: &[&[u8]]) -> Vec<u8> {
    let offered: Vec<u8> = identities.iter().flat_map(|identity| [vector16(identity), vec![0; 4]].concat()).collect();
    let binders: Vec<u8> = identities.iter().flat_map(|_| [&[48][..], &[0; 48]].concat()).collect();
    [vector16(&offered), vector16(&binders)].concat()
}

/// The records in these bytes: their content types and contents.
pub fn records(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [kind, _, _, high, low, rest @ ..] = bytes else { return None };
        let (content, after) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        bytes = after;
        Some((*kind, content))
    })
}

/// The message of a record that is too long, in records (RFC 8446 section 5.1).
pub fn in_records(record: &[u8]) -> Vec<u8> {
    const HEADER: usize = 5;
    record[HEADER..].chunks(16 << 10).flat_map(|part| [&[22, 3, 1][..], &vector16(part)].concat()).collect()
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

/// An extension of a ClientHello.
pub fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(content)].concat()
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}
