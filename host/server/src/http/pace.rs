//! How long a client is waited for, by what it has to do next. hyper has one time limit, for heads,
//! which also ends connections between two requests, and none for answers.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use reprise_session::lock::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep_until},
};

/// How long a client is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the head of its first request, and of a later one once that has begun.
    pub(crate) request: Duration,
    /// For a later request to begin.
    pub(crate) idle: Duration,
    /// For it to take an answer.
    pub(crate) answer: Duration,
}

impl From<Duration> for Patience {
    fn from(always: Duration) -> Self {
        Self { request: always, idle: always, answer: always }
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The client, for the head of a request.
    Head,
    /// The server, for an answer, or for more of one.
    Work,
    /// The client, to take the answer.
    Answer,
    /// The client, to ask again.
    Idle,
    /// The client, to take the goodbye.
    End,
}

/// Where a connection stands, and until when.
///
/// It changes only while the connection is polled. So whoever waits for a change must be polled
/// after the connection, in the same task.
pub(super) struct Pace {
    patience: Patience,
    now: Mutex<(Stage, Option<Instant>)>,
    /// The answer has no end yet.
    goes_on: AtomicBool,
}

impl Pace {
    /// A connection whose first request is to come.
    pub(super) fn new(patience: Patience) -> Self {
        let now = Mutex::new((Stage::Head, Some(Instant::now() + patience.request)));
        Self { patience, now, goes_on: AtomicBool::new(false) }
    }

    /// `stream`, with its progress noted here.
    pub(super) fn note<S>(&self, stream: S) -> Noted<'_, S> {
        Noted { stream, pace: self, heads: Heads::default() }
    }

    /// The stage, once the client has taken too long for it.
    pub(super) async fn exceeded(&self) -> Stage {
        let mut sleep = pin!(sleep_until(Instant::now()));
        poll_fn(|context| {
            let (stage, Some(until)) = *self.now.lock() else { return Poll::Pending };
            if sleep.deadline() != until {
                sleep.as_mut().reset(until);
            }
            sleep.as_mut().poll(context).map(|()| stage)
        })
        .await
    }

    /// Until one request was answered, and no other has begun.
    pub(super) async fn idle(&self) {
        poll_fn(|_| if self.stage() == Stage::Idle { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Whether more of the answer is to come once the client has taken what there is.
    pub(super) fn goes_on(&self, goes_on: bool) {
        self.goes_on.store(goes_on, Relaxed);
    }

    /// There is more of an answer. Who has not taken what came before has no more time for that.
    pub(super) fn told(&self) {
        if self.stage() != Stage::Answer {
            self.enter(Stage::Answer);
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.now.lock().0
    }

    pub(super) fn enter(&self, stage: Stage) {
        let Patience { request, idle, answer } = self.patience;
        let span = match stage {
            Stage::Head => Some(request),
            Stage::Work => None,
            Stage::Idle => Some(idle),
            Stage::Answer | Stage::End => Some(answer),
        };
        *self.now.lock() = (stage, span.map(|span| Instant::now() + span));
    }
}

/// A stream with its progress noted.
pub(super) struct Noted<'a, S> {
    stream: S,
    pace: &'a Pace,
    heads: Heads,
}

/// Tells whether the bytes read so far end within a head. hyper may have read the beginning of the
/// next one together with the last, and does not say so.
#[derive(Default)]
struct Heads {
    begun: bool,
    /// The last line has something on it.
    line: bool,
}

impl Heads {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\r' => {}
                b'\n' if self.line => self.line = false,
                b'\n' => self.begun = false,
                _ => (self.begun, self.line) = (true, true),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<'_, S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, into))?;
        let read = &into.filled()[before..];
        this.heads.read(read);
        if !read.is_empty() && this.pace.stage() == Stage::Idle {
            this.pace.enter(Stage::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<'_, S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        // hyper has the whole answer as soon as the server does, and writes all that it has before
        // it flushes.
        if this.pace.stage() == Stage::Answer {
            this.pace.enter(match this.heads.begun {
                _ if this.pace.goes_on.load(Relaxed) => Stage::Work,
                true => Stage::Head,
                false => Stage::Idle,
            });
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pace.stage() != Stage::End {
            this.pace.enter(Stage::End);
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}
