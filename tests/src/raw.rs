//! A stranger: it has seen the session id that a TLS 1.2 client sends in clear, and writes it into
//! a ClientHello of its own.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use crate::PATIENCE;

/// A TCP connection over which a ClientHello has been sent.
pub struct Stranger {
    tcp: TcpStream,
}

impl Stranger {
    /// Sends a TLS 1.2 ClientHello for a.example with this session id.
    pub fn offering(address: SocketAddr, id: &[u8]) -> Self {
        let mut tcp = TcpStream::connect(address).expect("the server accepts");
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.write_all(&client_hello(id)).unwrap();
        Self { tcp }
    }

    /// The session id in the server's answer: the one offered, if the server has begun to resume.
    pub fn hears_id(&mut self) -> Vec<u8> {
        let mut record = [0; 5];
        self.tcp.read_exact(&mut record).expect("a record comes");
        assert_eq!(record[0], 22, "a handshake record, not an alert");
        let mut message = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
        self.tcp.read_exact(&mut message).expect("the record is whole");
        assert_eq!(message[0], 2, "a ServerHello");
        // Type and length, version, random; then the id behind its length (RFC 5246 section 7.4.1.3).
        let id = &message[4 + 2 + 32..];
        id[1..=usize::from(id[0])].to_vec()
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).expect("the server has not hung up yet");
    }

    /// Ends its sending, as a plain close does.
    pub fn close(&mut self) {
        self.tcp.shutdown(Shutdown::Write).expect("the server has not hung up yet");
    }

    /// Waits until the server has hung up.
    pub fn is_dropped(mut self) {
        match self.tcp.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server does not hang up: {error}"),
        }
    }
}

/// A ClientHello of TLS 1.2 in a record of its own (RFC 5246 section 7.4.1.2).
fn client_hello(id: &[u8]) -> Vec<u8> {
    let extensions = [
        // server_name.
        extension(0, &vector16(&[&[0][..], &vector16(b"a.example")].concat())),
        // supported_groups: x25519 and secp256r1; ec_point_formats: uncompressed.
        extension(10, &vector16(&[0, 0x1d, 0, 0x17])),
        extension(11, &[1, 0]),
        // signature_algorithms: ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256.
        extension(13, &vector16(&[4, 3, 8, 4])),
        // extended_master_secret.
        extension(23, &[]),
    ]
    .concat();
    // TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 and its renegotiation_info.
    let ciphers = vector16(&[0xc0, 0x2c, 0, 0xff]);
    let hello = [&[3, 3][..], &[7; 32], &[id.len() as u8], id, &ciphers, &[1, 0], &vector16(&extensions)].concat();
    let message = [&[1, 0][..], &vector16(&hello)].concat();
    [&[22, 3, 1][..], &vector16(&message)].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(content)].concat()
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}
