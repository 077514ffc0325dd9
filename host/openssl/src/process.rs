//! Watches for forks, and ends this process.

use std::sync::Once;

use reprise_session::process::remember;

/// Has [`reprise_session::process::id`] remember which process this is.
///
/// It is renewed by the C library in each forked child before anything else runs there (`pthread_atfork`). A child made by
/// a bare `clone` system call, behind the C library's back, is not told apart; neither does the rest of the C library work
/// there.
pub fn watch_forks() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the handler is a function of this library, which the C library unregisters if it unloads this one.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(renew)) } == 0;
        if watched {
            remember();
        }
    });
}

/// In the child of a fork.
extern "C" fn renew() {
    remember();
}

/// Ends this process, now: nothing is waited for, and no more of it runs, not even what libraries registered for the
/// end (`atexit`), which must not run while other threads use them.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}
