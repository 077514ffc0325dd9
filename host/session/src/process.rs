//! Which process this is, without a system call where forks are watched: a forked child is told apart several times in each
//! handshake.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// This process's id; 0 as long as nobody watches for forks.
static CURRENT: AtomicU32 = AtomicU32::new(0);

/// The id of this process, `getpid`. Asked of the system as long as nobody watches for forks, and remembered then.
pub fn id() -> u32 {
    match CURRENT.load(Relaxed) {
        0 => process::id(),
        id => id,
    }
}

/// Remembers the id of this process. Whoever calls it promises to call it again in each forked child, before anything else
/// runs there. Async-signal-safe, as that place requires: `getpid` and a store.
pub fn remember() {
    CURRENT.store(process::id(), Relaxed);
}
