//! A forked child that a test is run in. For programs of their own, without a harness, whose
//! threads would not survive it.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child, and ends this program if it fails there or does not come back.
///
/// # Panics
/// It did.
pub fn in_child(name: &str, body: impl FnOnce()) {
    // SAFETY: no other thread of this program holds a lock that the child needs: those of a host or
    // a store are idle, and the child leaves what is its parent's alone, which is what is tested; a
    // test's own have ended.
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
