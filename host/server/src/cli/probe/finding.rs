//! What two connections of one version tell.

use std::fmt;

use openssl::ssl::SslVersion;
use reprise_openssl::client::{Client, ClientSession};
use reprise_session::{printable::line, session::Keyring};
use serde_json::{Value, json};

use super::visit::{Failed, Visitor};

/// The versions that are tried.
pub(super) const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// The length of a session id that a server's cache is asked for, and of a ticket of TLS 1.3 that is one.
const ID: usize = 32;
/// What is shown of an error.
const SHOWN: usize = 300;

/// What is known of one version.
pub(super) struct Finding {
    version: SslVersion,
    found: Found,
}

enum Found {
    /// No connection, so that nothing is known.
    Unreachable(String),
    /// The version is not served.
    NotServed(String),
    /// The server gave no session.
    NoSession,
    /// It gave one, which was offered.
    Offered { kept: Kept, resumed: Result<bool, String> },
}

/// What the server gave.
struct Kept {
    form: Form,
    /// For how many seconds it would have it offered, where it says so.
    lifetime_hint: Option<u64>,
    count: usize,
    /// Made by who has the keyring; none without one.
    ours: Option<bool>,
}

/// Where the session is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The server keeps it, and the client has its id.
    Id,
    /// The client has all of it, encrypted.
    Ticket(usize),
}

impl Finding {
    /// Visits twice.
    pub(super) fn of(version: SslVersion, visitor: &Visitor<'_>, keyring: Option<&Keyring>) -> Self {
        Self { version, found: find(version, visitor, keyring) }
    }

    /// Whether it resumes, `by_reprise` if that is asked; none if that cannot be told, or the version is not served.
    pub(super) fn resumes(&self, by_reprise: bool) -> Option<bool> {
        match &self.found {
            Found::Unreachable(_) | Found::NotServed(_) => None,
            Found::NoSession => Some(false),
            Found::Offered { kept, resumed } => Some(*resumed == Ok(true) && (!by_reprise || kept.ours == Some(true))),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut json = json!({ "version": self.name(), "outcome": self.outcome() });
        match &self.found {
            Found::Unreachable(why) | Found::NotServed(why) => json["reason"] = line(why, SHOWN).into(),
            Found::NoSession => {}
            Found::Offered { kept, resumed } => {
                json["form"] = match kept.form {
                    Form::Id => "id".into(),
                    Form::Ticket(_) => "ticket".into(),
                };
                json["lifetime_hint"] = kept.lifetime_hint.into();
                json["sessions"] = kept.count.into();
                json["by_reprise"] = kept.ours.into();
                if let Err(why) = resumed {
                    json["reason"] = line(why, SHOWN).into();
                }
            }
        }
        json
    }

    fn name(&self) -> &'static str {
        if self.version == SslVersion::TLS1_3 { "TLSv1.3" } else { "TLSv1.2" }
    }

    fn outcome(&self) -> &'static str {
        match &self.found {
            Found::Unreachable(_) => "unreachable",
            Found::NotServed(_) => "not-served",
            Found::NoSession => "no-session",
            Found::Offered { resumed: Ok(true), .. } => "resumed",
            Found::Offered { resumed: Ok(false), .. } => "full-handshake",
            Found::Offered { resumed: Err(_), .. } => "failed",
        }
    }
}

fn find(version: SslVersion, visitor: &Visitor<'_>, keyring: Option<&Keyring>) -> Found {
    let client = match Client::new(version) {
        Ok(client) => client,
        Err(error) => return Found::NotServed(format!("this system's OpenSSL does not speak it: {error}")),
    };
    let first = match visitor.visit(&client, None) {
        Ok(first) => first,
        Err(Failed::Unreachable(why)) => return Found::Unreachable(why),
        Err(Failed::Refused(why)) => return Found::NotServed(why),
    };
    // A server may give several, each for one connection: the last is as good as the first.
    let Some(session) = first.given.last() else { return Found::NoSession };
    let resumed = match visitor.visit(&client, Some(session)) {
        Ok(second) => Ok(second.resumed),
        Err(Failed::Unreachable(why)) => return Found::Unreachable(why),
        Err(Failed::Refused(why)) => Err(why),
    };
    Found::Offered { kept: Kept::of(version, session, first.given.len(), keyring), resumed }
}

impl Kept {
    fn of(version: SslVersion, session: &ClientSession, count: usize, keyring: Option<&Keyring>) -> Self {
        let (id, ticket) = (session.id().to_vec(), session.ticket());
        let (form, offered) = match ticket {
            // OpenSSL's servers with a cache send its ids as tickets (`SSL_OP_NO_TICKET`).
            Some(ticket) if version == SslVersion::TLS1_3 && ticket.len() == ID => (Form::Id, ticket),
            Some(ticket) => (Form::Ticket(ticket.len()), ticket),
            None => (Form::Id, id),
        };
        Self {
            form,
            lifetime_hint: Some(session.lifetime_hint()).filter(|seconds| *seconds > 0),
            count,
            ours: keyring.map(|keyring| keyring.recognise(&offered).is_some()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match &self.found {
            Found::Unreachable(why) => write!(f, "cannot tell: {}", line(why, SHOWN)),
            Found::NotServed(why) => write!(f, "not served: {}", line(why, SHOWN)),
            Found::NoSession => f.write_str("does not resume: the server gives no session"),
            Found::Offered { kept, resumed: Ok(true) } => write!(f, "resumes; {kept}"),
            Found::Offered { kept, resumed: Ok(false) } => {
                write!(f, "does not resume: the server answers with a full handshake; {kept}")
            }
            Found::Offered { kept, resumed: Err(why) } => {
                write!(f, "fails where a session is offered: {}; {kept}", line(why, SHOWN))
            }
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Id => f.write_str("the server keeps the session, by its id")?,
            Form::Ticket(length) => write!(f, "the client carries the session, in a ticket of {length} bytes")?,
        }
        if self.count > 1 {
            write!(f, ", one of {}", self.count)?;
        }
        if let Some(seconds) = self.lifetime_hint {
            write!(f, ", lifetime hint {seconds} s")?;
        }
        match self.ours {
            Some(true) => f.write_str("; kept by Reprise, with this keyring"),
            Some(false) => f.write_str("; not made with this keyring"),
            None => Ok(()),
        }
    }
}
