//! The body of an answer: bytes that are there, and those that are told later.

use std::{
    convert::Infallible,
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::pace::Pace;
use crate::phase::Phases;

/// What an answer goes on with, until the server drains: whatever is newest.
///
/// A client that is slow misses what was told meanwhile, so that nothing piles up for it: what waits is the newest, of which all
/// clients have the same bytes, and what hyper has begun to send. One that takes nothing for longer than its patience is dropped.
pub(crate) struct Events {
    newest: watch::Receiver<Bytes>,
    /// Its place among those that may be there at once.
    _seat: OwnedSemaphorePermit,
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Events)>> + Send>>;

pub(super) struct Content {
    first: Option<Bytes>,
    next: Option<Next>,
    phases: Phases,
    pace: Arc<Pace>,
}

impl Events {
    /// What `newest` will have from now on.
    pub(crate) fn new(mut newest: watch::Receiver<Bytes>, seat: OwnedSemaphorePermit) -> Self {
        newest.mark_unchanged();
        Self { newest, _seat: seat }
    }

    async fn next(mut self, mut phases: Phases) -> Option<(Bytes, Self)> {
        tokio::select! {
            biased;
            () = phases.draining() => None,
            changed = self.newest.changed() => {
                changed.ok()?;
                let bytes = self.newest.borrow_and_update().clone();
                Some((bytes, self))
            }
        }
    }
}

impl Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Content {
    pub(super) fn new(first: String, events: Option<Events>, pace: &Arc<Pace>, phases: &Phases) -> Self {
        pace.goes_on(events.is_some());
        Self {
            first: (!first.is_empty()).then(|| first.into()),
            next: events.map(|events| Box::pin(events.next(phases.clone())) as Next),
            phases: phases.clone(),
            pace: Arc::clone(pace),
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(next) = &mut this.next else { return Poll::Ready(None) };
        let next = ready!(next.as_mut().poll(context));
        this.pace.told();
        Poll::Ready(match next {
            Some((bytes, events)) => {
                this.next = Some(Box::pin(events.next(this.phases.clone())));
                Some(Ok(Frame::data(bytes)))
            }
            None => {
                this.next = None;
                this.pace.goes_on(false);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.next.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.next {
            None => SizeHint::with_exact(self.first.as_ref().map_or(0, |first| first.len() as u64)),
            Some(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use hyper::{StatusCode, http::request::Parts};
    use tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, duplex, split},
        sync::Semaphore,
        task::yield_now,
    };

    use super::*;
    use crate::{
        http::{Answer, Patience, Resources, serve},
        phase::{Phase, Phased},
    };

    const HOUR: Duration = Duration::from_secs(3_600);
    const HOURS: Patience = Patience { request: HOUR, idle: HOUR, answer: HOUR };

    /// Answers with "first", and what is told from then on.
    struct Teller {
        newest: watch::Sender<Bytes>,
        seats: Arc<Semaphore>,
    }

    impl Teller {
        fn new() -> Self {
            Self { newest: watch::Sender::default(), seats: Arc::new(Semaphore::new(1)) }
        }

        fn tell(&self, words: impl Into<Bytes>) {
            self.newest.send_replace(words.into());
        }
    }

    impl Resources for Teller {
        async fn answer(&self, _: &Parts) -> Answer {
            let seat = Arc::clone(&self.seats).try_acquire_owned().unwrap();
            Answer::text(StatusCode::OK, "first").going_on(Events::new(self.newest.subscribe(), seat))
        }
    }

    /// A connection with room for so many bytes on which a request was sent: the client's side and the server's.
    async fn asked(room: usize) -> (ReadHalf<DuplexStream>, impl Drop, DuplexStream) {
        let (client, server) = duplex(room);
        let (read, mut write) = split(client);
        write.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        struct Kept(#[expect(dead_code, reason = "the client has not hung up")] tokio::io::WriteHalf<DuplexStream>);
        impl Drop for Kept {
            fn drop(&mut self) {}
        }
        (read, Kept(write), server)
    }

    async fn heard(from: &mut BufReader<ReadHalf<DuplexStream>>, word: &str) -> usize {
        for lines in 1.. {
            let mut line = String::new();
            assert_ne!(from.read_line(&mut line).await.unwrap(), 0, "{word} did not come");
            if line.contains(word) {
                return lines;
            }
        }
        unreachable!()
    }

    #[tokio::test]
    async fn an_answer_goes_on_until_the_server_drains() {
        let (read, _write, mut server) = asked(1 << 20).await;
        let (teller, phased) = (Teller::new(), Phased::new());
        let mut phases = phased.watch();
        let client = async {
            let mut read = BufReader::new(read);
            heard(&mut read, "first").await;
            for word in ["second", "third"] {
                teller.tell(word);
                heard(&mut read, word).await;
            }
            assert_eq!(teller.seats.available_permits(), 0);
            phased.enter(Phase::Draining);
            let mut rest = String::new();
            read.read_to_string(&mut rest).await.unwrap();
            assert!(rest.ends_with("0\r\n\r\n"), "it has an end: {rest:?}");
        };
        let served = async {
            // Whoever takes what comes is not hurried in between, and needs to send nothing.
            let patience = Patience { request: HOUR, idle: HOUR, answer: Duration::from_secs(60) };
            serve(&mut server, &teller, patience, &mut phases).await.unwrap();
            drop(server);
        };
        tokio::join!(served, client);
        assert_eq!(teller.seats.available_permits(), 1, "the seat is free again");
    }

    /// No time at all to take an answer is enough for who takes it at once, however long the next one takes.
    #[tokio::test]
    async fn between_two_events_it_is_the_server_that_is_waited_for() {
        let (read, _write, mut server) = asked(1 << 20).await;
        let (teller, phased) = (Teller::new(), Phased::new());
        let mut phases = phased.watch();
        let patience = Patience { answer: Duration::ZERO, idle: Duration::ZERO, request: HOUR };
        let mut served = Box::pin(serve(&mut server, &teller, patience, &mut phases));
        let mut read = BufReader::new(read);
        tokio::select! {
            biased;
            served = &mut served => panic!("{served:?}"),
            _ = heard(&mut read, "first") => {}
        }
        for _ in 0..1_000 {
            tokio::select! {
                biased;
                served = &mut served => panic!("{served:?}"),
                () = yield_now() => {}
            }
        }
        teller.tell("second");
        tokio::select! {
            biased;
            served = &mut served => panic!("{served:?}"),
            _ = heard(&mut read, "second") => {}
        }
    }

    #[tokio::test]
    async fn a_slow_client_has_the_newest_and_nothing_piled_up() {
        let (read, _write, mut server) = asked(256).await;
        let (teller, phased) = (Teller::new(), Phased::new());
        let mut phases = phased.watch();
        let client = async {
            for number in 0..1_000 {
                teller.tell(format!("{number} {}\n", "x".repeat(1_000)));
                for _ in 0..4 {
                    yield_now().await;
                }
            }
            teller.tell("the last\n");
            heard(&mut BufReader::new(read), "the last").await
        };
        let lines = tokio::select! {
            served = serve(&mut server, &teller, HOURS, &mut phases) => panic!("{served:?}"),
            lines = client => lines,
        };
        // Those that hyper had begun to send, two lines each, and the head.
        assert!((12..60).contains(&lines), "{lines}");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_dropped() {
        let (_read, _write, mut server) = asked(256).await;
        let (teller, phased) = (Teller::new(), Phased::new());
        let mut phases = phased.watch();
        let patience = Patience { answer: Duration::from_millis(50), ..HOURS };
        let telling = async {
            loop {
                teller.tell("x".repeat(1_000));
                yield_now().await;
            }
        };
        let served = tokio::select! {
            served = serve(&mut server, &teller, patience, &mut phases) => served,
            () = telling => unreachable!(),
        };
        assert_eq!(served.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(teller.seats.available_permits(), 1, "the seat is free again");
    }
}
