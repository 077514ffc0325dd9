//! Revocation: sessions that an operator takes back before their time, by what they have in common.
//!
//! A revocation is a key and a time: what has the key and goes back to a full handshake at that
//! time or earlier resumes nowhere. It hits what is stored without looking for it, and what
//! descends from it, for a renewed session keeps the time of its full handshake. Nothing is
//! scanned, and a session that was lost track of is hit like any other.
//!
//! - `notice`: a revocation as bytes, as nodes tell each other
//! - `table`: those in force here, by key
//! - `sharing`: puts one in force, and has the store tell the other nodes
//!
//! Only the store outlives a process. A host whose store is its own memory forgets revocations when
//! it ends, and the sessions that they hit with them.

mod notice;
mod sharing;
mod table;

use std::fmt;

use reprise_session::hex::hex;
use serde::{Deserialize, Serialize};

pub use self::{
    notice::Unread,
    sharing::{NotShared, Revoked, Revoking},
};
pub use self::{sharing::Revocations, table::Table};

/// Seconds that a revocation reaches beyond the time that it was made for. The clocks of a fleet's
/// nodes differ by some seconds, and a session has the time of the node that made it: without this,
/// one made just before on a node whose clock is ahead would be missed. The price: what full
/// handshakes make in these seconds after it does not resume either.
pub const ALLOWANCE: u64 = 5;

/// The least seconds that a revocation is kept: what RFC 8446 section 4.6.1 allows a ticket to
/// live, so that it holds for nodes with another `max_lifetime` too.
const AT_LEAST: u64 = 7 * 24 * 60 * 60;

/// What sessions have in common that are revoked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matcher {
    /// They were made under this server name (SNI), in whatever case, with the dot at its end or
    /// without. Nothing but a name hits anything: see
    /// [`ServerName`](reprise_session::session::ServerName) for what is one.
    ServerName(String),
    /// They were made without a server name.
    NoServerName,
    /// Their client authenticated with the certificate whose DER has this SHA-256.
    Certificate([u8; 32]),
    /// They carry a note of these bytes.
    Note {
        /// By this policy; by any, if none.
        policy: Option<String>,
        /// The whole note.
        note: Vec<u8>,
    },
    /// They are sessions.
    All,
}

/// Sessions that resume nowhere any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub matcher: Matcher,
    /// Those that go back to a full handshake at this time or before: seconds since the Unix epoch.
    pub before: u64,
    /// When it may be forgotten, for nothing that it hits can live any more: seconds since the Unix epoch.
    pub expires: u64,
}

impl Revocation {
    /// What goes back to a full handshake up to `until`, seconds since the Unix epoch, and
    /// [`ALLOWANCE`] beyond. It is kept for as long as a session can live that may do so for
    /// `max_lifetime` seconds.
    pub fn new(matcher: Matcher, until: u64, now: u64, max_lifetime: u64) -> Self {
        let before = until.saturating_add(ALLOWANCE);
        let kept = max_lifetime.max(AT_LEAST).saturating_add(ALLOWANCE);
        Self { matcher, before, expires: before.max(now).saturating_add(kept) }
    }
}

impl Matcher {
    /// Its kind, a short, stable name without what is private: `server-name`, `no-server-name`,
    /// `certificate`, `note`, `all`.
    pub fn kind(&self) -> &'static str {
        match self {
            Matcher::ServerName(_) => "server-name",
            Matcher::NoServerName => "no-server-name",
            Matcher::Certificate(_) => "certificate",
            Matcher::Note { .. } => "note",
            Matcher::All => "all",
        }
    }
}

/// For an operator: `server name a.example`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matcher::ServerName(name) => write!(f, "server name {}", name.escape_default()),
            Matcher::NoServerName => f.write_str("no server name"),
            Matcher::Certificate(sha256) => write!(f, "client certificate {}", hex(sha256)),
            Matcher::Note { policy: None, note } => write!(f, "note {}", hex(note)),
            Matcher::Note { policy: Some(policy), note } => {
                write!(f, "note {} of policy {}", hex(note), policy.escape_default())
            }
            Matcher::All => f.write_str("all sessions"),
        }
    }
}

/// Without what a policy noted, which may be anything about a client.
impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matcher::Note { policy, note } => write!(f, "note of {} bytes, of {policy:?}", note.len()),
            other => write!(f, "{other}"),
        }
    }
}
