//! 0-RTT data: a connection that is used before its handshake is complete.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use openssl::ssl::{self, SslRef};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_openssl::SslStream;

use super::{accept, waiting};
use crate::Host;

/// How much 0-RTT data is read at once: as much as fits into a TLS record (RFC 8446 section 5.1).
const RECORD: usize = 16 << 10;

/// Like [`accept`], and accepts 0-RTT data where the context allows some (`SSL_CTX_set_max_early_data`; OpenSSL reads at most 16 KiB,
/// unless it is told otherwise). It is accepted where the client's session is taken out of the store by this very look-up, so once on
/// all nodes that share a store. Where it is not accepted, this returns when the handshake is complete; where it is, at once, and
/// the connection is read from and written to while the handshake goes on.
///
/// What is read while [`EarlyStream::is_early`] may have been sent by somebody who saw it before, who kept it from arriving then (RFC 8446
/// section 8): do for it what may be done twice, or wait until the handshake is complete ([`EarlyStream::finish`]; RFC 8470 section 3).
///
/// # Errors
/// The handshake failed, or the connection did.
pub async fn accept_early<S: AsyncRead + AsyncWrite + Unpin>(
    host: &Host,
    mut stream: SslStream<S>,
) -> Result<EarlyStream<S>, ssl::Error> {
    let (mut phase, mut unread) = (Phase::Complete, Vec::new());
    if stream.ssl().max_early_data() > 0 {
        unread.resize(RECORD, 0);
        let read =
            waiting(host, Pin::new(&mut stream), |stream, context| stream.poll_read_early_data(context, &mut unread));
        let length = read.await?;
        unread.truncate(length);
        if length > 0 {
            phase = Phase::Early;
        }
    }
    if phase == Phase::Complete {
        accept(host, Pin::new(&mut stream)).await?;
    }
    let early = unread.len();
    Ok(EarlyStream { stream, phase, unread, early })
}

/// A connection that [`accept_early`] has accepted. Reading gives first what came early, then, when the handshake is complete, the
/// rest. What is written before that goes to a client that has not proved yet that it is one, and not somebody's recording.
#[derive(Debug)]
pub struct EarlyStream<S> {
    stream: SslStream<S>,
    phase: Phase,
    /// What came early and was not asked for yet.
    unread: Vec<u8>,
    /// Bytes that came early.
    early: usize,
}

/// How far the handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The client may send more 0-RTT data.
    Early,
    /// It has said that this was all. Its Finished is to come.
    Finishing,
    /// It is complete.
    Complete,
}

impl<S> EarlyStream<S> {
    /// Whether the handshake is not complete: what was read so far may be a recording.
    pub fn is_early(&self) -> bool {
        self.phase != Phase::Complete
    }

    /// Bytes of 0-RTT data that came so far.
    pub fn early_data(&self) -> usize {
        self.early
    }

    /// OpenSSL's connection.
    pub fn ssl(&self) -> &SslRef {
        self.stream.ssl()
    }

    /// The stream underneath.
    pub fn get_ref(&self) -> &S {
        self.stream.get_ref()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> EarlyStream<S> {
    /// Waits until the handshake is complete: until the client has proved that it is one. What came early is read as before.
    ///
    /// # Errors
    /// The handshake failed, or the connection did.
    pub async fn finish(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_finish(context)).await
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.phase == Phase::Early {
            ready!(self.poll_early(context))?;
        }
        if self.phase == Phase::Finishing {
            ready!(Pin::new(&mut self.stream).poll_accept(context)).map_err(failed)?;
            self.phase = Phase::Complete;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads a record's worth of what comes early. OpenSSL bounds the sum.
    fn poll_early(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.unread.len();
        self.unread.resize(before + RECORD, 0);
        let read = Pin::new(&mut self.stream).poll_read_early_data(context, &mut self.unread[before..]);
        let length = if let Poll::Ready(Ok(length)) = read { length } else { 0 };
        self.unread.truncate(before + length);
        self.early += length;
        if ready!(read).map_err(failed)? == 0 {
            self.phase = Phase::Finishing;
        }
        Poll::Ready(Ok(()))
    }
}

fn failed(error: ssl::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(io::Error::other)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for EarlyStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match self.phase {
                Phase::Early => ready!(self.poll_early(context))?,
                Phase::Finishing => ready!(self.poll_finish(context))?,
                Phase::Complete => return Pin::new(&mut self.stream).poll_read(context, buffer),
            }
        }
        let length = buffer.remaining().min(self.unread.len());
        buffer.put_slice(&self.unread[..length]);
        self.unread.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for EarlyStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let early = self.is_early();
        let stream = Pin::new(&mut self.stream);
        if early {
            stream.poll_write_early_data(context, bytes).map_err(failed)
        } else {
            stream.poll_write(context, bytes)
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// TLS has no goodbye before the handshake is complete.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_finish(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
