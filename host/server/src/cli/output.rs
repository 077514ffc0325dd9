//! What commands say: results on stdout, all else on stderr.
//!
//! What is said goes through [`reprise_session::printable`], for names and reasons come from files and servers. Whoever reads may go (`| head`):
//! then the rest is said to nobody, and the command ends as it would have. That stdout cannot be written for another reason is an
//! error in the end.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use reprise_session::lock::Mutex;
use reprise_session::printable;
use tracing::Level;

use crate::log;

/// The most bytes of a line.
const LONGEST: usize = 8_192;

/// Why nothing more is said on stdout.
static TROUBLE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Says a result, on one line.
pub(super) fn say(text: impl Display) {
    write(&(printable::line(&text.to_string(), LONGEST) + "\n"));
}

/// Says a result that may have several lines, like an error that shows where in a file it is.
pub(super) fn say_block(text: impl Display) {
    write(&printable::block(&text.to_string(), LONGEST));
}

/// Says a page, whose lines are as the caller made them.
pub(super) fn page(page: &str) {
    page.lines().for_each(say);
}

/// Says a document of JSON that a server sent.
pub(super) fn document(json: &str) {
    write(&printable::of_document(json));
}

/// Whether what is said is written, as far as is known: whoever reads may have gone.
pub(super) fn is_read() -> bool {
    TROUBLE.lock().is_none()
}

/// Says on stderr what happens, or what is wrong. In a process that has a log, it is in there.
pub(super) fn tell(text: impl Display) {
    told(Level::INFO, &text.to_string());
}

/// The status that the command ends with, once all is said: `done`, or failure with its error.
pub(super) fn end(done: anyhow::Result<ExitCode>) -> ExitCode {
    let status = done.unwrap_or_else(|error| {
        told(Level::ERROR, &format!("error: {error:#}"));
        ExitCode::FAILURE
    });
    log::flush();
    match TROUBLE.lock().take() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            told(Level::ERROR, &format!("error: what there is to say cannot be written to stdout: {error}"));
            log::flush();
            ExitCode::FAILURE
        }
        _ => status,
    }
}

fn told(level: Level, text: &str) {
    if log::is_started() {
        log::say(level, text);
    } else {
        // Nobody is left to be told that it cannot be written.
        let _ = io::stderr().write_all(printable::block(text, LONGEST).as_bytes());
    }
}

fn write(text: &str) {
    // What was logged before is read before.
    log::flush();
    let mut trouble = TROUBLE.lock();
    if trouble.is_none() {
        let mut stdout = io::stdout().lock();
        *trouble = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).err();
    }
}
