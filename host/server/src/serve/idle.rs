//! Connections on which nothing moves.

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep_until},
};

/// When bytes last moved.
pub(crate) struct Activity {
    since: Instant,
    /// Milliseconds after `since`.
    last: AtomicU64,
}

/// A stream that notes when bytes move over it, in either direction.
pub(crate) struct Noted<'a, S> {
    stream: S,
    activity: &'a Activity,
}

impl Activity {
    /// Something has moved just now.
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), last: AtomicU64::new(0) }
    }

    pub(crate) fn note<S>(&self, stream: S) -> Noted<'_, S> {
        Noted { stream, activity: self }
    }

    /// Until nothing has moved for `span`.
    pub(crate) async fn ceased_for(&self, span: Duration) {
        loop {
            let until = self.since + Duration::from_millis(self.last.load(Ordering::Relaxed)) + span;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn now(&self) {
        let last = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(last, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<'_, S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        if into.filled().len() > before {
            this.activity.now();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<'_, S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(count)) if count > 0) {
            this.activity.now();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn bytes_that_move_in_one_direction_only_are_activity_and_a_try_that_moves_none_is_not() {
        let activity = Activity::new();
        let (mut far, near) = duplex(4);
        let mut near = activity.note(near);
        let last = || activity.last.load(Ordering::Relaxed);
        // A count of milliseconds has to have gone on for what comes next to be told from what was before.
        let later = || tokio::time::sleep(Duration::from_millis(3));

        later().await;
        near.write_all(b"1234").await.unwrap();
        let written = last();
        assert!(written > 0);
        later().await;
        let full = tokio::time::timeout(Duration::from_millis(3), near.write_all(b"5")).await;
        let nothing = tokio::time::timeout(Duration::from_millis(3), near.read_u8()).await;
        assert!(full.is_err() && nothing.is_err());
        assert_eq!(last(), written);
        far.write_all(b"6").await.unwrap();
        near.read_u8().await.unwrap();
        assert!(last() > written);
        activity.ceased_for(Duration::from_millis(1)).await;
    }
}
