//! Watches for forks, ends this process, and tells descriptors apart.

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    sync::Once,
};

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

/// What an open file is, whatever its number: somebody may close a descriptor of ours, and be given its number for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// What is open under a descriptor (`fstat`); none if nothing is.
pub fn identity(descriptor: BorrowedFd<'_>) -> Option<Identity> {
    // SAFETY: a struct of numbers, for which zeros will do; `fstat` writes it whole where it answers 0.
    unsafe {
        let mut found: libc::stat = mem::zeroed();
        #[allow(clippy::unnecessary_cast)] // They are narrower on some platforms.
        (libc::fstat(descriptor.as_raw_fd(), &mut found) == 0)
            .then_some(Identity { device: found.st_dev as u64, inode: found.st_ino as u64 })
    }
}

/// The same open file under a number that servers leave alone when they close what they have inherited: 200 or above
/// (`F_DUPFD_CLOEXEC`).
///
/// # Errors
/// There is no number left.
pub fn out_of_the_way(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    const LOWEST: i32 = 200;
    // SAFETY: a descriptor of ours; a number that is not negative is a new one, and nobody else's.
    unsafe {
        let number = libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, LOWEST);
        if number < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(number)) }
    }
}

/// Ends this process, now: nothing is waited for, and no more of it runs, not even what libraries registered for the
/// end (`atexit`), which must not run while other threads use them.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}
