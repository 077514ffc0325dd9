//! Policies: untrusted WebAssembly that decides about sessions, and nothing of TLS.
//!
//! Internal to Reprise: nothing here is stable. Embedders depend on the crate `reprise`, which
//! re-exports what they need.
//!
//! - [`policy`]: from a module's bytes to a policy that answers, several of them to one decision, and their supervision
//! - [`policies_dir`]: the directory that policies are dropped into
//! - [`signing`]: who may drop one
//! - [`conformance`]: a policy held against vectors: same facts in, same verdicts out
//! - [`names`]: what is known of a policy's file before it is read

// But for one call: loading compiled code, in `policy/compiled/native.rs`, with its argument.
#![deny(unsafe_code)]
// They panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod conformance;
pub mod names;
pub mod policies_dir;
pub mod policy;
pub mod signing;
