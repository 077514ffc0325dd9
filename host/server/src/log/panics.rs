//! What a panic says goes into the log: the hook that Rust comes with waits for whoever reads stderr.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

use tracing::Level;

use super::ALWAYS;

/// Has panics reported in the log.
pub(super) fn report() {
    panic::set_hook(Box::new(hook));
}

fn hook(panic: &PanicHookInfo<'_>) {
    let (current, message) = (thread::current(), panic.payload_as_str().unwrap_or("no message"));
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = current.name().unwrap_or("without a name");
    tracing::error!(target: ALWAYS, thread, place, "panic, report it as a bug of Reprise: {message}");
    // Where RUST_BACKTRACE asks for one.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        backtrace.to_string().lines().for_each(|line| super::say(Level::ERROR, line));
    }
}
