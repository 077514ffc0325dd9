//! The one thread that writes, and that alone waits for whoever reads.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, Builder},
    time::Duration,
};

use super::{Log, READER_GONE, queue::Next};

/// Where stderr is not to be waited for (O_NONBLOCK), how long it is left alone while it is full.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes what comes into the queue to `stderr`, as long as the process lives.
pub(super) fn spawn(log: Arc<Log>, stderr: File) -> io::Result<()> {
    Builder::new().name("reprise-log".into()).spawn(move || {
        let mut out = Out { stderr, torn: false, missing: 0 };
        loop {
            // If it panicked, nobody would be left to say so.
            let _ = catch_unwind(AssertUnwindSafe(|| run(&log, &mut out)));
        }
    })?;
    Ok(())
}

fn run(log: &Log, out: &mut Out<File>) {
    loop {
        match log.queue.next() {
            Next::Write(line) => out.line(log, &line),
            Next::LookAgain => log.limits.due().iter().for_each(|due| log.queue.push(&log.format.held_back(due))),
        }
    }
}

struct Out<W> {
    stderr: W,
    /// What was written last ended within a line.
    torn: bool,
    /// Lines that could not be written since one could.
    missing: u64,
}

impl<W: Write> Out<W> {
    fn line(&mut self, log: &Log, line: &str) {
        let notice = if self.missing > 0 { log.format.unwritten(self.missing) } else { String::new() };
        let end = if self.torn { "\n" } else { "" };
        match self.write(&format!("{end}{notice}{line}")) {
            Ok(()) => (self.torn, self.missing) = (false, 0),
            Err(error) => {
                self.missing += 1;
                log.queue.lost(1);
                if error.kind() == ErrorKind::BrokenPipe {
                    READER_GONE.notify_one();
                }
            }
        }
    }

    /// Like `write_all`, but it knows how far it came.
    fn write(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match self.stderr.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.torn = rest[written - 1] != b'\n';
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::LogFormat,
        log::{Format, Limits, Look, Queue},
    };

    fn log() -> Log {
        let format = Format { look: Look { format: LogFormat::Text, timed: false }, coloured: false };
        Log { queue: Queue::new(format), limits: Limits::default(), format }
    }

    /// A disk with room for so many bytes.
    struct Disk {
        written: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fit = bytes.len().min(self.room);
            if fit == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= fit;
            self.written.extend_from_slice(&bytes[..fit]);
            Ok(fit)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_took_no_more_is_told_once_it_does() {
        let log = log();
        let mut out = Out { stderr: Disk { written: Vec::new(), room: 6 }, torn: false, missing: 0 };
        for line in ["one\n", "two\n", "three\n"] {
            out.line(&log, line);
        }
        assert_eq!(log.queue.unwritten(), 2);
        out.stderr.room = 1_000;
        for line in ["four\n", "five\n"] {
            out.line(&log, line);
        }
        let written = String::from_utf8(out.stderr.written).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!((&lines[..2], &lines[3..]), (&["one", "tw"][..], &["four", "five"][..]), "{written}");
        assert!(lines[2].contains("2 lines of the log are missing here"), "{written}");
    }

    /// Takes a byte, and is neither ready nor undisturbed before the next.
    #[derive(Default)]
    struct Slow {
        written: Vec<u8>,
        before: Vec<ErrorKind>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.before.pop() {
                return Err(kind.into());
            }
            self.before = vec![ErrorKind::WouldBlock, ErrorKind::Interrupted];
            self.written.push(bytes[0]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_takes_its_time_has_every_line() {
        let log = log();
        let mut out = Out { stderr: Slow::default(), torn: false, missing: 0 };
        for line in ["one\n", "two\n"] {
            out.line(&log, line);
        }
        assert_eq!((&*out.stderr.written, log.queue.unwritten()), (&b"one\ntwo\n"[..], 0));
    }
}
