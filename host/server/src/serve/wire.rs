//! How connections end: whether a client has said goodbye, and that a backend is told when it has not.
//!
//! TLS says goodbye by `close_notify` (RFC 8446 section 6.1), so that nobody between the ends can cut a stream short
//! and have it taken for whole. TCP's own end, a FIN, says nothing of that kind. So an end of TCP that comes before
//! the goodbye is an error, and what is behind us is not told by a FIN, which would claim that all was said, but by
//! an RST.
//!
//! OpenSSL is told to take such an end for a goodbye (`SSL_OP_IGNORE_UNEXPECTED_EOF`), for it would give up the
//! client's session over it. So it is seen below OpenSSL, which reads no further than a goodbye.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use reprise::EarlyStream;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A client's socket, below TLS.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// The client has ended its side of the TCP connection.
    ended: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, ended: false }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// A client's connection where an end without a goodbye is an error.
pub(crate) struct Polite<'a>(pub(crate) &'a mut EarlyStream<Wire>);

/// A connection to a backend. Dropped before it is [whole](Severed::is_whole), it is reset.
pub(crate) struct Severed {
    stream: TcpStream,
    whole: bool,
}

impl Severed {
    /// Nothing was said on it yet.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, whole: false }
    }

    /// Both sides have said all that they had to say.
    pub(crate) fn is_whole(&mut self) {
        self.whole = true;
    }
}

impl Drop for Severed {
    fn drop(&mut self) {
        if !self.whole {
            // Closed so, it sends an RST. What fails here has no connection any more.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.remaining();
        ready!(Pin::new(&mut this.stream).poll_read(context, into))?;
        this.ended |= before > 0 && into.remaining() == before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Polite<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.remaining();
        ready!(Pin::new(&mut *this.0).poll_read(context, into))?;
        if before > 0 && into.remaining() == before && this.0.get_ref().ended {
            let error = "the client has ended the connection without saying goodbye";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Severed {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

/// Writing goes through.
macro_rules! writes {
    ($name:ty, $to:ident => $inner:expr) => {
        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                let $to = self.get_mut();
                Pin::new(&mut *$inner).poll_write(context, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $to = self.get_mut();
                Pin::new(&mut *$inner).poll_flush(context)
            }

            fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $to = self.get_mut();
                Pin::new(&mut *$inner).poll_shutdown(context)
            }
        }
    };
}

writes!(Wire, this => &mut this.stream);
writes!(Polite<'_>, this => this.0);
writes!(Severed, this => &mut this.stream);
