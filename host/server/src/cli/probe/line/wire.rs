//! What is under TLS: bytes that are held back until there is a connection to send them on; and
//! what the server answers.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
};

/// A stream that holds what is written, until it is a connection.
#[derive(Default)]
pub(super) struct Wire {
    tcp: Option<TcpStream>,
    held: Vec<u8>,
    /// The beginning of what the server said.
    heard: Vec<u8>,
}

/// So much of what a server says is looked at. A ServerHello has a hundred bytes or two, with a
/// post-quantum key share 1,200.
const MOST: usize = 8 << 10;

impl Wire {
    /// What was written before there was a connection, to be sent on one, or on several.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// It goes on over this connection, on which what is held is sent already.
    pub(super) fn goes_on_over(&mut self, tcp: TcpStream) {
        self.tcp = Some(tcp);
    }

    /// The connection, if there is one.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        self.tcp.as_ref()
    }

    /// How long the first encrypted record of the server's is.
    pub(super) fn first_encrypted(&self) -> Option<usize> {
        first_encrypted(&self.heard)
    }
}

/// Reads until there is an encrypted record in what the server says, and answers how long it is.
pub(super) fn await_encrypted(tcp: &mut TcpStream) -> Option<usize> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 1_024]);
    while first_encrypted(&heard).is_none() && heard.len() < MOST {
        let length = tcp.read(&mut buffer).ok().filter(|length| *length > 0)?;
        heard.extend_from_slice(&buffer[..length]);
    }
    first_encrypted(&heard)
}

fn first_encrypted(mut records: &[u8]) -> Option<usize> {
    const ENCRYPTED: u8 = 23;
    loop {
        let [kind, _, _, high, low, rest @ ..] = records else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == ENCRYPTED {
            return Some(length);
        }
        records = rest.get(length..)?;
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.tcp {
            Some(tcp) => {
                let length = tcp.read(into)?;
                let room = MOST - self.heard.len();
                self.heard.extend_from_slice(&into[..length.min(room)]);
                Ok(length)
            }
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tcp {
            Some(tcp) => tcp.write(bytes),
            None => {
                self.held.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
