//! A connection without a socket: what the client has sent lies there, what the server sends is kept.

use std::io::{self, Read, Write};

/// Ten thousand of them need no file descriptor.
pub struct Wire {
    received: io::Cursor<Vec<u8>>,
    sent: Vec<u8>,
}

impl Wire {
    /// From a client that has sent these bytes, and waits.
    pub fn from_client(bytes: Vec<u8>) -> Self {
        Self { received: io::Cursor::new(bytes), sent: Vec::new() }
    }

    /// What this end has sent since this was asked last.
    pub fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }

    /// The other end sends these bytes.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.received.get_mut().extend_from_slice(bytes);
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.received.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
