//! What a policy tells its operator: log lines and counters. Both are capped by the host; what is over the cap is dropped,
//! and the drop is counted. Natively, [`testing`](crate::testing) shows what was said.

pub use crate::bindings::shared::reprise::session_cache::observe::Level;

/// Writes a line to the server's log under the policy's name: at most 1,024 bytes of it are kept, and 100 lines a second for
/// each policy. Put nothing in it that a log should not have.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::shared::reprise::session_cache::observe::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::record_log(level, message);
}

/// Adds `by` to a counter of the policy's own, shown in the host's metrics: at most 64 names for each policy, of at most 64
/// bytes each: lower-case letters, digits and `_`.
pub fn count(name: &str, by: u64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::shared::reprise::session_cache::observe::count(name, by);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::record_count(name, by);
}

/// [`log`] for the policy's author.
pub fn debug(message: &str) {
    log(Level::Debug, message);
}

/// [`log`] for the operator's interest.
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// [`log`] where the operator should look.
pub fn warn(message: &str) {
    log(Level::Warn, message);
}

/// [`log`] where the policy cannot do its work.
pub fn error(message: &str) {
    log(Level::Error, message);
}
