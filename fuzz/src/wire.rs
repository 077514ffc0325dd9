//! TLS in memory.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    rc::Rc,
    sync::LazyLock,
};

use openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslStream};
use reprise_tests::certificates::{self, Identity};

type Pipe = Rc<RefCell<VecDeque<u8>>>;

/// One end of a connection: what it reads, and what it has written.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    incoming: Pipe,
    outgoing: Pipe,
}

impl Wire {
    /// An end that reads these bytes, and then waits for more.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { incoming: Rc::new(RefCell::new(bytes.into())), outgoing: Pipe::default() }
    }

    /// The other end.
    pub(crate) fn reversed(&self) -> Self {
        Self { incoming: self.outgoing.clone(), outgoing: self.incoming.clone() }
    }

    /// What was written and nobody has read.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.outgoing.borrow_mut().drain(..).collect()
    }

    /// A server's connection at this end.
    pub(crate) fn accepting(self, mut ssl: Ssl) -> SslStream<Self> {
        ssl.set_accept_state();
        SslStream::new(ssl, self).expect("there is memory")
    }

    /// A client's connection at this end.
    pub(crate) fn connecting(self, mut ssl: Ssl) -> SslStream<Self> {
        ssl.set_connect_state();
        SslStream::new(ssl, self).expect("there is memory")
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { incoming.read(buffer) }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server's context with a certificate.
pub(crate) fn server(method: SslMethod) -> SslContextBuilder {
    static IDENTITY: LazyLock<Identity> = LazyLock::new(certificates::server);
    let mut context = SslContextBuilder::new(method).expect("there is memory");
    context.set_certificate(&IDENTITY.certificate).expect("the certificate is good");
    context.set_private_key(&IDENTITY.key).expect("the key is the certificate's");
    context
}

/// A handshake message in records of TLS (RFC 8446 section 5.1).
pub(crate) fn records(message: &[u8]) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(16 << 10).flat_map(record).collect()
}

/// The handshake message in records.
pub(crate) fn message(mut records: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    while let [22, _, _, high, low, rest @ ..] = records {
        let (part, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(rest.len()));
        message.extend_from_slice(part);
        records = rest;
    }
    message
}
