//! Which process this is, without a system call: a forked child is told apart several times in each handshake.

use std::{
    process,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// This process's id; 0 as long as it is not watched for forks.
static CURRENT: AtomicU32 = AtomicU32::new(0);

/// The id of this process, `getpid`.
///
/// Remembered from the first call on, and renewed by the C library in each forked child before anything else runs there
/// (`pthread_atfork`). A child made by a bare `clone` system call, behind the C library's back, is not told apart; neither
/// does the rest of the C library work there.
pub fn id() -> u32 {
    match CURRENT.load(Relaxed) {
        0 => watch(),
        id => id,
    }
}

fn watch() -> u32 {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the handler is a function of this library, which the C library unregisters if it unloads this one.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(renew)) } == 0;
        if watched {
            CURRENT.store(process::id(), Relaxed);
        }
    });
    process::id()
}

/// In the child of a fork. Async-signal-safe, as its place requires: `getpid` and a store.
extern "C" fn renew() {
    CURRENT.store(process::id(), Relaxed);
}

/// Ends this process, now: nothing is waited for, and no more of it runs, not even what libraries registered for the
/// end (`atexit`), which must not run while other threads use them.
#[cfg(feature = "cli")]
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}
