//! Where sessions live, and sessions taken back before their time.
//!
//! Internal to Reprise: nothing here is stable. Embedders depend on the crate `reprise`, which
//! re-exports what they need.
//!
//! - [`store`]: the trait; memory, disk (feature `disk`), Redis (feature `redis`), several as one, the seal, the guard
//! - [`revocation`]: the revocations in force, and how nodes tell each other

#![forbid(unsafe_code)]
// They panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod revocation;
pub mod store;
