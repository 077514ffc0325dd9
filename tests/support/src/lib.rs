//! What tests of several crates share.
//!
//! - `certificates`: CAs, and what they issue
//! - `store`: a store that is spied on, and does as a test says: slow, dead, lying, panicking
//!
//! `reprise-store` has one of its own for its unit tests: to them, the trait that this crate knows is another one.

#![forbid(unsafe_code)]

pub mod certificates;
pub mod store;

pub use self::store::TestStore;
