//! A session offered where it was not made: under another name, at another address, without the
//! client's certificate.

use std::net::SocketAddr;

use reprise_session::session::ServerName;

use super::{Outcome, Way};
use crate::cli::probe::line::{Answer, Failed, Visitor};

/// What is another one.
#[derive(Clone, Debug)]
pub(in super::super) enum Change {
    Name(ServerName),
    NoName,
    /// As it was written, and what that is.
    Address(String, SocketAddr),
    NoCertificate,
}

/// When the name is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Over {
    /// From the beginning.
    Hello,
    /// In the second ClientHello, which answers a HelloRetryRequest.
    Retry,
}

/// What is true where sessions are made.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Home {
    /// The server's certificate.
    pub(in super::super) certificate: Option<Vec<u8>>,
    /// The server asked for the client's certificate, and there was one.
    pub(in super::super) signed: bool,
}

/// What came of it.
pub(in super::super) struct Elsewhere {
    pub(in super::super) change: Change,
    pub(in super::super) over: Over,
    pub(in super::super) offered: Outcome,
    /// What a client without a session meets there. It is looked at if the session was resumed.
    pub(in super::super) there: Option<There>,
}

/// A full handshake there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum There {
    Served {
        /// It shows another certificate than where the session was made.
        other_certificate: bool,
        /// It asks for the client's certificate, and there is one.
        asks: bool,
    },
    /// It ends it.
    Refuses(String),
    /// There is no telling.
    Untold(String),
}

impl Change {
    /// Who visits with this change.
    fn applied<'a>(&'a self, home: Visitor<'a>) -> Visitor<'a> {
        match self {
            Self::Name(name) => Visitor { server_name: Some(name.as_str()), ..home },
            Self::NoName => Visitor { server_name: None, ..home },
            Self::Address(_, address) => Visitor { address: *address, ..home },
            Self::NoCertificate => Visitor { identity: None, ..home },
        }
    }
}

impl Way<'_> {
    /// Offers a session with this change, and looks around if it resumes.
    pub(in super::super) fn elsewhere(&mut self, change: Change, over: Over, home: &Home) -> Elsewhere {
        let offered = match self.session() {
            Ok(session) => {
                let there = change.applied(self.home);
                match over {
                    Over::Hello => there
                        .visit(&self.client, Some(&session))
                        .map_or_else(Outcome::from, |visit| Outcome::from(&visit)),
                    Over::Retry => match self.home.over_retry(&session, there.server_name) {
                        Ok(Answer::Resumes) => Outcome::Resumed,
                        Ok(Answer::Full) => Outcome::Full,
                        Ok(Answer::Alert(alert)) => Outcome::Refused(format!("alert {alert}")),
                        Ok(Answer::NoRetry(why)) => Outcome::Untold(why),
                        Err(failed) => failed.into(),
                    },
                }
            }
            Err(outcome) => outcome,
        };
        let resumed = offered == Outcome::Resumed;
        let there = resumed.then(|| self.look_around(&change, home));
        Elsewhere { change, over, offered, there }
    }

    fn look_around(&self, change: &Change, home: &Home) -> There {
        let full = change.applied(self.home).visit(&self.client, None);
        match full {
            Ok(full) => There::Served { other_certificate: full.certificate != home.certificate, asks: full.signed },
            Err(Failed::Refused(why)) => There::Refuses(why),
            Err(Failed::Unreachable(why)) => There::Untold(why),
        }
    }
}
