//! What a module in somebody's server and the agent say to each other, over a Unix socket that keeps messages apart
//! (`SOCK_SEQPACKET`).
//!
//! Internal to Reprise: nothing here is stable but the bytes, and those by their version ([`VERSION`]).
//!
//! A module begins with a [`Greeting`](greeting::Greeting), and is answered by a [`Welcome`](greeting::Welcome); where it could not reach the
//! socket's file, both prove first that they know the agent's [`Secret`](secret::Secret). Then it sends calls: those of one
//! connection of its server's, in their order, as many in one message as there are. The last of them may want an answer.
//!
//! - [`greeting`]: who is there, and what a module needs to know
//! - [`calls`]: the calls of [`reprise_openssl::Handshakes`], as bytes
//! - [`known`]: what is the same in many handshakes, and has a number
//! - [`answer`]: what is answered
//! - [`secret`]: what an agent and the modules of its machine know, and nobody else
//! - [`socket`]: messages, sent and received
//!
//! Each end takes the other's bytes for a stranger's.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod answer;
pub mod calls;
pub mod greeting;
pub mod known;
pub mod secret;
pub mod socket;

/// The version of what is said. Another one is not understood: the module's sessions miss, and the agent says so.
pub const VERSION: u16 = 1;

/// The most bytes that one message has: a session with a long chain of certificates in it, and what belongs to it.
pub const LONGEST: usize = 128 * 1024;

/// Bytes that are no message of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found bytes that are none")]
pub struct Garbled {
    /// What they should have been.
    pub expected: &'static str,
}
