//! The log of the `reprise` command, on stderr: no thread waits for it, and none ends because a line could not be written.
//!
//! - `queue`: lines wait here, bounded, for the one thread that writes; what does not fit, or cannot be written, is counted
//! - `writer`: that thread
//! - `format`: from an event to a line, as text or JSON; text from outside goes through [`reprise_session::printable`]
//! - `limits`: how many lines one cause may have in a second
//! - `panics`: what a panic says goes the same way
//! - `rooms`: where lines come from, as users name it in a filter
//!
//! The library itself only emits events of `tracing`; what an embedder does with them is the embedder's.

mod format;
mod limits;
mod panics;
mod queue;
pub(crate) mod rooms;
mod writer;

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use reprise::status;
use reprise_session::printable::block;
use serde::Deserialize;
use tokio::sync::Notify;
use tracing::Level;
use tracing_subscriber::EnvFilter;

use self::{
    format::{Format, LONGEST},
    limits::Limits,
    queue::Queue,
};

/// The target of the lines that no filter holds back: where the server listens, and what panicked.
pub(crate) const ALWAYS: &str = "reprise::always";

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object.
    Json,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) format: LogFormat,
    /// Whether lines begin with the time.
    pub(crate) timed: bool,
}

/// What there is of it in this process.
struct Log {
    queue: Queue,
    limits: Limits,
    format: Format,
}

static LOG: OnceLock<Arc<Log>> = OnceLock::new();
static READER_GONE: Notify = Notify::const_new();

/// Logs to stderr what `filter` lets through, and what panics say.
///
/// # Errors
/// There is a log already; or no thread, or no descriptor.
pub(crate) fn start(filter: EnvFilter, look: Look) -> Result<()> {
    let set_up = "the log cannot be set up";
    // A descriptor of its own: who holds the lock of `std::io::stderr` and waits keeps nobody else waiting.
    let stderr = io::stderr().as_fd().try_clone_to_owned().context(set_up)?;
    let coloured = look.format == LogFormat::Text && io::stderr().is_terminal();
    let format = Format { look, coloured };
    let log = LOG.get_or_init(|| Arc::new(Log { queue: Queue::new(format), limits: Limits::default(), format }));
    writer::spawn(Arc::clone(log), stderr.into()).context(set_up)?;
    tracing_subscriber::fmt()
        // Its complaints go to stderr by a way of their own, and panic where that fails.
        .log_internal_errors(false)
        .with_env_filter(filter.add_directive(format!("{ALWAYS}=info").parse()?))
        .event_format(format::Events(Arc::clone(log)))
        .with_writer(queue::Tail(Arc::clone(log)))
        .try_init()
        .map_err(|error| anyhow::anyhow!("{set_up}: {error}"))?;
    panics::report();
    status::Log::lacks(losses);
    Ok(())
}

/// Whether this process has a log.
pub(crate) fn is_started() -> bool {
    LOG.get().is_some()
}

/// Adds what is no event, for people, whatever the filter. In a log of JSON it is an object of this level.
pub(crate) fn say(level: Level, text: &str) {
    if let Some(log) = LOG.get() {
        match log.format.look.format {
            LogFormat::Text => log.queue.push(&block(text, LONGEST)),
            LogFormat::Json => log.queue.push(&log.format.notice(level, text)),
        }
    }
}

/// Waits until everything is written, as long as lines are being taken, and a moment longer. Whether it is.
pub(crate) fn flush() -> bool {
    LOG.get().is_none_or(|log| {
        log.limits.due().iter().for_each(|due| log.queue.push(&log.format.held_back(due)));
        log.queue.flush()
    })
}

/// Until a line could not be written because whoever read the log is gone.
pub(crate) async fn reader_gone() {
    READER_GONE.notified().await;
}

/// How many lines the log does not have.
fn losses() -> status::Log {
    LOG.get().map_or_else(status::Log::default, |log| status::Log {
        unwritten: log.queue.unwritten(),
        repeated: log.limits.repeated(),
    })
}
