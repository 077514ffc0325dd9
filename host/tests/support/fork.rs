//! A forked child that a test is run in.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child, and ends this program if it fails there or does not come back.
pub fn in_child(name: &str, body: impl FnOnce()) {
    // SAFETY: no other thread of this program holds a lock that the child needs: the host's are idle, the test's have ended.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // SAFETY: ends this program if `body` hangs.
        unsafe { libc::alarm(120) };
        let failed = catch_unwind(AssertUnwindSafe(body)).is_err();
        // SAFETY: leaves without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(failed)) };
    }
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "{name}");
    println!("{name} ... ok");
}
