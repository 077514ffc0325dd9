//! Revocation: sessions that an operator takes back before their time, by what they have in common.
//!
//! A revocation is a key and a time: what has the key and goes back to a full handshake at that time or earlier resumes nowhere.
//! [`Host::revoke`](crate::Host::revoke) puts one in force, and has the store tell the other nodes.
//!
//! Only the store outlives a process. A host whose store is its own memory forgets revocations when it ends, and the sessions
//! that they hit with them.

pub use reprise_store::revocation::{ALLOWANCE, Matcher, NotShared, Revocation, Revoked, Revoking, Unread};
