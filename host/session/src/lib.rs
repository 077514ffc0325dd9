//! What a kept session is, and the ground floor that all of Reprise's crates stand on.
//!
//! Internal to Reprise: nothing here is stable. Embedders depend on the crate `reprise`, which re-exports what they need.
//!
//! - [`session`]: ids, border, record, keyring; why a session does not resume
//! - [`verdict`]: the words that policies and sessions share: the interface's types, notes, failures
//! - [`clock`]: the host's time, which never goes back
//! - [`process`]: what belongs to one process, and is left alone in a forked child
//! - [`lock`]: locks and waiting, safe at a fork
//! - [`vital`]: threads and tasks that must live; [`aside`]: work that may hang
//! - [`following`]: directories whose changes are heard of
//! - [`ownership`]: who else may write a file; [`replace`]: writing one whole; [`reading`]: reading one that others may replace
//! - [`printable`]: text from outside, made fit for where people read it; [`hex`]: bytes as text
//! - [`histogram`]: durations by size

#![forbid(unsafe_code)]
// They panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod aside;
pub mod clock;
pub mod following;
pub mod hex;
pub mod histogram;
pub mod lock;
pub mod ownership;
pub mod printable;
pub mod process;
pub mod reading;
pub mod replace;
pub mod session;
pub mod verdict;
pub mod vital;
