//! What a program that knows nothing of us has, and what is left to it.

use serde::{Deserialize, Serialize};

/// What was done with a context of the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noted {
    /// Its session callbacks are ours now.
    Hooked(Displaced),
    /// It is left alone.
    Left(LeftAlone),
}

/// What of the program's own is not used any more for connections that it accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// `SSL_CTX_sess_set_new_cb`. Its connections to others still have it.
    pub new: bool,
    /// `SSL_CTX_sess_set_get_cb`
    pub get: bool,
    /// OpenSSL's own cache in memory (`SSL_SESS_CACHE_SERVER` without `SSL_SESS_CACHE_NO_INTERNAL`).
    pub internal: bool,
}

/// Why a context is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LeftAlone {
    /// The program hangs data of its own on sessions, which is not in their encoding.
    DataOnSessions,
    /// It has turned resumption off: no cache, and no tickets.
    ResumptionIsOff,
    /// Its connections are of DTLS.
    Dtls,
    /// Its connections are of OpenSSL's own QUIC.
    Quic,
}

impl LeftAlone {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::DataOnSessions, Self::ResumptionIsOff, Self::Dtls, Self::Quic];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataOnSessions => "data-on-sessions",
            Self::ResumptionIsOff => "resumption-is-off",
            Self::Dtls => "dtls",
            Self::Quic => "quic",
        }
    }
}

/// A handshake that was looked at, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether it is one of TLS 1.3.
    pub tls13: bool,
    /// What the client offered to resume.
    pub offered: Offered,
    /// Whether that was resumed.
    pub resumed: bool,
}

/// What a client offers to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Offered {
    /// Nothing.
    Nothing,
    /// A session id (RFC 5246 section 7.4.1.2).
    SessionId,
    /// A ticket (RFC 5077).
    Ticket,
    /// A PSK (RFC 8446 section 4.2.11).
    Psk,
}

impl Offered {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::SessionId, Self::Ticket, Self::Psk];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::SessionId => "session-id",
            Self::Ticket => "ticket",
            Self::Psk => "psk",
        }
    }
}
