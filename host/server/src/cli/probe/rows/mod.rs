//! What is judged: what was seen, held against the RFCs. No connection is made here.
//!
//! What a server must not do is bad. What it may do, and what somebody should know about, is a
//! note.

mod early;
mod elsewhere;
mod later;
mod resuming;

use serde_json::{Value, json};

pub(super) use self::{
    early::early,
    elsewhere::elsewhere,
    later::{Expected, afterwards, no_command, renewed},
    resuming::{again, resuming},
};
use super::visits::{Kind, Outcome};

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Fine,
    /// Not bad, but.
    Note,
    /// It could not be told.
    Unknown,
    Bad,
}

/// One thing that was looked at.
pub(super) struct Row {
    pub(super) kind: Kind,
    /// What it is called, in scripts and in the table.
    pub(super) check: &'static str,
    pub(super) done: String,
    pub(super) seen: String,
    /// What is to be known of it, and where that stands.
    pub(super) says: String,
    pub(super) rfc: &'static str,
    pub(super) verdict: Verdict,
    /// What came of the session that was offered.
    pub(super) outcome: &'static str,
    /// It was asked for, or is what the command is for: that it cannot be told is told by the exit
    /// status.
    pub(super) counts: bool,
    /// What scripts want besides.
    pub(super) facts: Value,
}

/// A judgement in words, with the section that it rests on.
struct Judged {
    verdict: Verdict,
    rfc: &'static str,
    says: String,
}

fn judged(verdict: Verdict, rfc: &'static str, says: impl Into<String>) -> Judged {
    Judged { verdict, rfc, says: says.into() }
}

impl Row {
    fn new(kind: Kind, check: &'static str, done: impl Into<String>, seen: String, judged: Judged) -> Self {
        let Judged { verdict, rfc, says } = judged;
        let done = done.into();
        Self { kind, check, done, seen, says, rfc, verdict, outcome: "", counts: true, facts: json!({}) }
    }

    fn with(self, outcome: &'static str) -> Self {
        Self { outcome, ..self }
    }
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Bad => "bad",
        }
    }
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tls12Id => "tls12-id",
            Self::Tls12Ticket => "tls12-ticket",
            Self::Tls13 => "tls13",
        }
    }

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Tls12Id => "TLS 1.2, by session id",
            Self::Tls12Ticket => "TLS 1.2, by ticket",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Resumed => "resumed",
            Self::Full => "full-handshake",
            Self::Refused(_) => "refused",
            Self::Untold(_) => "unknown",
        }
    }

    /// As a sentence without its dot.
    fn sentence(&self) -> String {
        match self {
            Self::Resumed => "it resumed".into(),
            Self::Full => "the server did a full handshake".into(),
            Self::Refused(why) => format!("the server ended the handshake ({why})"),
            Self::Untold(why) => format!("this could not be told ({why})"),
        }
    }
}
