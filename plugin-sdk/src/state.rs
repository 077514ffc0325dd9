//! A small memory of the policy's own on this node, shared by its instances; it outlives them, a trap and a reload.
//!
//! At most 1 MiB and 16,384 keys for each policy, a key at most 256 bytes, a value at most 4,096. Nothing here waits for I/O.
//! Natively, each thread (and so each test) has one of its own, whose time [`testing`](crate::testing) moves.

pub use crate::bindings::shared::reprise::session_cache::state::Error;

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::state as host;

#[cfg(target_arch = "wasm32")]
use crate::bindings::shared::reprise::session_cache::state as host;

/// The value under `key`, if there is one and its time has not passed. A counter reads as its 8 bytes, little endian.
pub fn get(key: &str) -> Option<Vec<u8>> {
    host::get(key)
}

/// Writes `value` under `key` for `ttl` seconds (0: until it is deleted), over what is there.
///
/// # Errors
///
/// [`Error::Full`] or [`Error::TooLarge`]; nothing was written.
pub fn set(key: &str, value: &[u8], ttl: u32) -> Result<(), Error> {
    host::set(key, value, ttl)
}

/// Adds `by` to the counter under `key` (saturating) and gives the sum; makes one at 0 that lasts `ttl` seconds (0: until it
/// is deleted) if there is none. One atomic operation. The time of a counter that exists is not prolonged.
///
/// # Errors
///
/// [`Error::Full`], [`Error::TooLarge`], or [`Error::NotANumber`] for a value that [`set`] wrote.
pub fn increment(key: &str, by: i64, ttl: u32) -> Result<i64, Error> {
    host::increment(key, by, ttl)
}

/// Removes what is under `key`; true if there was something.
pub fn delete(key: &str) -> bool {
    host::delete(key)
}
