//! Whether it resumes, and what the server gives.

use reprise_openssl::client::ClientSession;
use reprise_session::session::Keyring;

use super::{Failed, Home, Kind, Outcome, Way, is_of};

/// At most as long as a ticket of TLS 1.3 that only names a session. OpenSSL's servers with a cache
/// send its ids, which have 32 bytes; a session alone has a secret of 32 and a MAC.
const LONGEST_NAME: usize = 64;

/// What two connections tell, and a third.
pub(in super::super) enum Resuming {
    /// No connection, so that nothing is known.
    Unreachable(String),
    /// The version is not served.
    NotServed(String),
    /// The server gave no session of this kind.
    NothingGiven,
    /// It gave one, which was offered.
    Offered {
        kept: Kept,
        first: Outcome,
        /// Offered once more, if it resumed.
        again: Option<Outcome>,
    },
}

/// What the server gave.
pub(in super::super) struct Kept {
    pub(in super::super) form: Form,
    /// For how many seconds it would have it offered, where it says so.
    pub(in super::super) lifetime_hint: Option<u64>,
    pub(in super::super) count: usize,
    /// How many bytes of 0-RTT data it would take; none for none.
    pub(in super::super) early_data: Option<u32>,
    /// Made by who has the keyring; none without one.
    pub(in super::super) ours: Option<bool>,
}

/// What the client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Form {
    /// An id, by which the server has kept the session.
    Id,
    /// A ticket of so many bytes, too few for a session.
    ShortTicket(usize),
    /// A ticket of so many bytes.
    Ticket(usize),
}

impl Way<'_> {
    /// Connects twice, and a third time if it resumed. Answers what is true where sessions are
    /// made, too.
    pub(in super::super) fn resuming(&mut self, keyring: Option<&Keyring>) -> (Resuming, Home) {
        let first = match self.home.visit(&self.client, None) {
            Ok(first) => first,
            Err(Failed::Unreachable(why)) => return (Resuming::Unreachable(why), Home::default()),
            Err(Failed::Refused(why)) => return (Resuming::NotServed(why), Home::default()),
        };
        let home = Home { certificate: first.certificate, signed: first.signed };
        let mut given: Vec<_> = first.given.into_iter().filter(|session| is_of(self.kind, session)).collect();
        let count = given.len();
        // A server may give several, each for one connection: the last is as good as the first.
        let Some(session) = given.pop() else { return (Resuming::NothingGiven, home) };
        self.unused.extend(given);
        let kept = Kept::of(self.kind, &session, count, keyring);
        let first = self.offer(&session);
        let again = (first == Outcome::Resumed).then(|| self.offer(&session));
        (Resuming::Offered { kept, first, again }, home)
    }
}

impl Resuming {
    pub(in super::super) fn resumes(&self) -> bool {
        matches!(self, Self::Offered { first: Outcome::Resumed, .. })
    }

    pub(in super::super) fn is_served(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::NotServed(_))
    }
}

impl Kept {
    fn of(kind: Kind, session: &ClientSession, count: usize, keyring: Option<&Keyring>) -> Self {
        let (form, offered) = match session.ticket() {
            Some(ticket) if kind == Kind::Tls13 && ticket.len() <= LONGEST_NAME => {
                (Form::ShortTicket(ticket.len()), ticket)
            }
            Some(ticket) => (Form::Ticket(ticket.len()), ticket),
            None => (Form::Id, session.id().to_vec()),
        };
        Self {
            form,
            lifetime_hint: Some(session.lifetime_hint()).filter(|seconds| *seconds > 0),
            count,
            early_data: Some(session.max_early_data()).filter(|bytes| *bytes > 0),
            ours: keyring.map(|keyring| keyring.recognise(&offered).is_some()),
        }
    }
}
