//! Why a session was not kept.

use std::fmt;

use reprise_policy::policy::Objection;
use reprise_session::session::Miss;

/// Why a new session was not kept. Its connection goes on; the client's next one starts with a full handshake.
#[derive(Clone, Debug, PartialEq)]
pub enum NotKept {
    /// The connection cannot say where it belongs; the reason is that of its own resumption.
    Here(Miss),
    /// Its id was not made by this host: somebody replaced the id generator.
    ForeignId,
    /// It descends from a session that this host did not hand out, e.g. an external PSK.
    UnknownLineage,
    /// OpenSSL could not give a fact of it, or encode it.
    Unreadable,
    /// A policy refused it, or failed.
    Policy(Objection),
    /// Nothing is left of its absolute lifetime, or of its client certificate's validity.
    Lifetime,
    /// An operator revoked what it descends from.
    Revoked,
    /// It takes more bytes than a session may.
    TooLarge(usize),
    /// It is to stay on this node, and no store does.
    Reach,
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotKept::Here(miss) => write!(f, "{miss}"),
            NotKept::ForeignId => f.write_str("foreign-id"),
            NotKept::UnknownLineage => f.write_str("unknown-lineage"),
            NotKept::Unreadable => f.write_str("unreadable"),
            NotKept::Policy(Objection { policy, failure: None }) => write!(f, "policy: {policy}"),
            NotKept::Policy(Objection { policy, failure: Some(failure) }) => {
                write!(f, "policy-failed: {policy}: {}", failure.as_str())
            }
            NotKept::Lifetime => f.write_str("lifetime"),
            NotKept::Reach => f.write_str("reach"),
            NotKept::Revoked => f.write_str("revoked"),
            NotKept::TooLarge(bytes) => write!(f, "too-large: {bytes} bytes"),
        }
    }
}
