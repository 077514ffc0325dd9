//! The words that policies and sessions have in common: the interface's types, the notes on a
//! session, why a call failed.

mod failure;
pub mod wit;

pub use self::failure::Failure;

/// The notes that policies attached to a session, keyed by policy name (the file's stem without its number).
pub type Notes = Vec<(String, Vec<u8>)>;
