//! What is done: connections, one after the other, and what was seen on them. Nothing is judged
//! here.
//!
//! A *way* is one in which sessions resume; each has a client of its own, and a supply of sessions
//! that nobody has offered yet.
//!
//! - `resuming`: whether it resumes, and what the server gives
//! - `elsewhere`: a session offered where it was not made
//! - `early`: 0-RTT
//! - `later`: a session offered when time has passed, or something has happened

mod early;
mod elsewhere;
mod later;
mod resuming;

use openssl::ssl::SslVersion;
use reprise_openssl::client::{Client, ClientSession};

pub(super) use self::{
    early::{Early, Twice},
    elsewhere::{Change, Elsewhere, Home, Over, There},
    later::{Afterwards, Renewed, happen, renewed},
    resuming::{Form, Kept, Resuming},
};
use super::line::{Failed, Visit, Visitor};

/// A way in which sessions resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tls12Id,
    Tls12Ticket,
    Tls13,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Tls12Id, Self::Tls12Ticket, Self::Tls13];

    pub(super) fn version(self) -> SslVersion {
        if self == Self::Tls13 { SslVersion::TLS1_3 } else { SslVersion::TLS1_2 }
    }
}

/// What came of a session that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Resumed,
    Full,
    /// The server ended the handshake.
    Refused(String),
    /// There was no answer to tell by.
    Untold(String),
}

impl From<Failed> for Outcome {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unreachable(why) => Self::Untold(why),
            Failed::Refused(why) => Self::Refused(why),
        }
    }
}

impl From<&Visit> for Outcome {
    fn from(visit: &Visit) -> Self {
        if visit.resumed { Self::Resumed } else { Self::Full }
    }
}

/// One way to resume at one server.
pub(super) struct Way<'a> {
    pub(super) kind: Kind,
    pub(super) home: Visitor<'a>,
    client: Client,
    /// Not offered yet, the oldest first.
    unused: Vec<ClientSession>,
}

impl<'a> Way<'a> {
    /// # Errors
    /// This system's OpenSSL does not speak the version.
    pub(super) fn new(kind: Kind, home: Visitor<'a>) -> Result<Self, String> {
        let client = Client::new(kind.version(), kind != Kind::Tls12Id);
        let client = client.map_err(|error| format!("this system's OpenSSL does not speak it: {error}"))?;
        Ok(Self { kind, home, client, unused: Vec::new() })
    }

    /// Connects where sessions are made, with or without one that was made there.
    fn visit(&mut self, offered: Option<&ClientSession>) -> Result<Visit, Failed> {
        let visit = self.home.visit(&self.client, offered)?;
        Ok(self.keep(visit))
    }

    /// The sessions that it gave are for later.
    fn keep(&mut self, mut visit: Visit) -> Visit {
        let given = std::mem::take(&mut visit.given);
        self.unused.extend(given.into_iter().filter(|session| is_of(self.kind, session)));
        visit
    }

    fn offer(&mut self, session: &ClientSession) -> Outcome {
        self.visit(Some(session)).map_or_else(Outcome::from, |visit| Outcome::from(&visit))
    }

    /// One that was not offered yet.
    fn session(&mut self) -> Result<ClientSession, Outcome> {
        if self.unused.is_empty() {
            self.visit(None)?;
        }
        self.unused.pop().ok_or_else(|| Outcome::Untold("the server gave no session this time".into()))
    }

    /// One of a full handshake that is made now.
    fn fresh(&mut self) -> Result<ClientSession, Outcome> {
        self.unused.clear();
        self.session()
    }
}

/// Whether it resumes in this way.
fn is_of(kind: Kind, session: &ClientSession) -> bool {
    match kind {
        Kind::Tls12Id => session.ticket().is_none() && !session.id().is_empty(),
        Kind::Tls12Ticket | Kind::Tls13 => session.ticket().is_some(),
    }
}
