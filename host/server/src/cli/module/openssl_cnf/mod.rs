//! What OpenSSL is configured with.
//!
//! - `in_force`: what a server loads by itself
//! - `written`: what it is given on top of that

pub(super) mod in_force;
pub(super) mod written;
