//! OpenSSL's error queue, which belongs to whoever uses the thread.

use crate::ffi;

/// Does something that may leave errors behind, which are dropped; those that were there stay.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: of this thread's own queue. Where it is empty, no mark is set and nothing is left when it is cleared up to one.
    unsafe { ffi::ERR_set_mark() };
    let done = work();
    // SAFETY: as above.
    unsafe { ffi::ERR_pop_to_mark() };
    done
}
