//! Lines that wait to be written.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reprise_session::lock::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

use super::{Log, format::Format, limits::WINDOW};

/// Bytes that may wait: some thousand lines, for a reader that is busy for a moment.
const ROOM: usize = 1 << 20;
/// At the end: how long is waited for a reader that takes no line, and for one that takes them slowly.
const STALL: Duration = Duration::from_millis(500);
const LONGEST_FLUSH: Duration = Duration::from_secs(2);

/// A queue that whoever adds to it never waits for.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the writer.
    work: Condvar,
    /// A line is done with.
    done: Condvar,
    format: Format,
    unwritten: AtomicU64,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that came while there was no room, and that nobody has been told of yet.
    dropped: u64,
    /// The writer has a line that is not written yet.
    writing: bool,
    /// Lines done with so far.
    done: u64,
    /// When the writer is to look which causes had more to say.
    look_again: Option<Instant>,
}

/// What the writer is to do.
pub(super) enum Next {
    Write(String),
    /// Ask which causes had more to say.
    LookAgain,
}

impl Queue {
    pub(super) fn new(format: Format) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            format,
            unwritten: AtomicU64::new(0),
        }
    }

    /// Adds a line, with its end; or drops it if there is no room. Waits for nobody.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.state.lock();
        // Where lines are missing, the log says so in their place.
        let notice = (state.dropped > 0).then(|| self.format.unwritten(state.dropped));
        let needed = line.len() + notice.as_ref().map_or(0, String::len);
        if state.bytes + needed > ROOM {
            state.dropped += 1;
            drop(state);
            return self.lost(1);
        }
        if let Some(notice) = notice {
            state.dropped = 0;
            state.lines.push_back(notice);
        }
        state.lines.push_back(line.to_owned());
        state.bytes += needed;
        self.work.notify_one();
    }

    /// Has the writer look soon which causes had more to say than they may.
    pub(super) fn look_again(&self) {
        self.state.lock().look_again.get_or_insert_with(|| Instant::now() + WINDOW);
        self.work.notify_one();
    }

    /// The writer has done with a line, and wants the next.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state.lock();
        if state.writing {
            state.writing = false;
            state.done += 1;
            self.done.notify_all();
        }
        loop {
            if state.look_again.is_some_and(|at| at <= Instant::now()) {
                state.look_again = None;
                return Next::LookAgain;
            }
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len();
                state.writing = true;
                return Next::Write(line);
            }
            if state.dropped > 0 {
                state.writing = true;
                return Next::Write(self.format.unwritten(std::mem::take(&mut state.dropped)));
            }
            state = match state.look_again {
                Some(at) => self.work.wait_until(state, at).0,
                None => self.work.wait(state),
            };
        }
    }

    /// Waits until everything is written, while somebody takes it. Whether it is.
    pub(super) fn flush(&self) -> bool {
        let end = Instant::now() + LONGEST_FLUSH;
        let mut state = self.state.lock();
        while state.writing || !state.lines.is_empty() || state.dropped > 0 {
            let (before, now) = (state.done, Instant::now());
            let late;
            (state, late) = self.done.wait_until(state, end.min(now + STALL));
            if late && state.done == before || now >= end {
                return false;
            }
        }
        true
    }

    /// Lines were lost.
    pub(super) fn lost(&self, lines: u64) {
        self.unwritten.fetch_add(lines, Relaxed);
    }

    /// Lines lost so far.
    pub(super) fn unwritten(&self) -> u64 {
        self.unwritten.load(Relaxed)
    }
}

/// Where `tracing-subscriber` writes its lines, each in one piece.
pub(super) struct Tail(pub(super) Arc<Log>);

impl<'a> MakeWriter<'a> for Tail {
    type Writer = &'a Tail;

    fn make_writer(&'a self) -> &'a Tail {
        self
    }
}

impl io::Write for &Tail {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.queue.push(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log::LogFormat, log::Look};

    fn queue() -> Queue {
        Queue::new(Format { look: Look { format: LogFormat::Text, timed: false }, coloured: false })
    }

    fn written(queue: &Queue) -> String {
        match queue.next() {
            Next::Write(line) => line,
            Next::LookAgain => panic!("there is a line"),
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_told() {
        let queue = queue();
        let line = "x".repeat(ROOM / 4 - 1) + "\n";
        for _ in 0..6 {
            queue.push(&line);
        }
        assert_eq!(queue.unwritten(), 2);
        assert_eq!(written(&queue), line);
        queue.push("after\n");
        for _ in 0..3 {
            assert_eq!(written(&queue), line);
        }
        assert!(written(&queue).contains("2 lines of the log are missing here"));
        assert_eq!(written(&queue), "after\n");
        // Once is enough.
        queue.push("more\n");
        assert_eq!(written(&queue), "more\n");
    }

    #[test]
    fn lines_lost_at_the_end_are_told_without_another() {
        let queue = queue();
        let line = "x".repeat(ROOM - 1) + "\n";
        queue.push(&line);
        queue.push("lost\n");
        assert_eq!(written(&queue), line);
        assert!(written(&queue).contains("1 line of the log is missing here"));
    }

    #[test]
    fn a_flush_does_not_wait_for_a_reader_that_is_stuck() {
        let queue = queue();
        assert!(queue.flush(), "nothing waits");
        queue.push("one\n");
        // On a busy machine one may take longer.
        let is_short = |_| {
            let begun = Instant::now();
            assert!(!queue.flush(), "nobody writes");
            begun.elapsed() < LONGEST_FLUSH
        };
        assert!((0..5).any(is_short), "so long is for those who take some lines");
        assert_eq!(written(&queue), "one\n");
        assert!(!queue.flush(), "it is being written");
    }
}
