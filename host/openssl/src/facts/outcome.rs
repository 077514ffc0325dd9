//! What became of a handshake, as OpenSSL has it.

use serde::{Deserialize, Serialize};

/// TLS 1.3's wire number.
pub const TLS13: i32 = 0x0304;

/// What OpenSSL says of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The protocol version as a wire number (`SSL_version`).
    pub version: i32,
    /// A session offered was taken (`SSL_session_reused`).
    pub resumed: bool,
    /// How many sessions it makes, some of them maybe later: each TLS 1.3 ticket is one.
    pub sessions: usize,
    /// What became of 0-RTT data (`SSL_get_early_data_status`).
    pub early_data: EarlyData,
}

/// What became of the 0-RTT data that a client sent before its handshake was complete (RFC 8446 section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EarlyData {
    /// It sent none, or not in TLS 1.3.
    #[default]
    NotOffered,
    /// It was skipped. The client sends it again.
    Rejected,
    /// It was taken.
    Accepted,
}

impl EarlyData {
    /// In a word, for a log.
    pub fn as_str(self) -> &'static str {
        match self {
            EarlyData::NotOffered => "not-offered",
            EarlyData::Rejected => "rejected",
            EarlyData::Accepted => "accepted",
        }
    }
}
