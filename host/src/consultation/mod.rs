//! What is decided about a session, told to whoever listens, as it is decided.
//!
//! Each decision makes one event. Policies in shadow mode are asked about what is in it, and listeners get all of it:
//! `reprise dev`, and any embedder. Connections' reports and metrics have the same values ([`Asked`], [`Miss`],
//! [`NotKept`]), which a handshake keeps anyhow: where nobody listens, no event is made.

mod listeners;
mod not_kept;

use std::{sync::Arc, time::Duration};

use reprise_policy::policy::{
    Asked, Callback, Decided,
    wit::types::{Reach, Removal, TlsVersion},
};
use reprise_session::{
    hex::hex,
    session::{Miss, Record},
};

pub use self::{
    listeners::{Consultations, Listeners},
    not_kept::NotKept,
};

/// How many bytes of what was offered are shown: as many as of an id.
const SHOWN: usize = 8;

/// One decision about one session: what was known, what each policy said, and what came of it.
///
/// There is no key material in it, and of the session's id only as much as tells it from others.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Consultation {
    /// When: seconds since the Unix epoch, by the host's clock.
    pub time: u64,
    /// What it is about: a session that was offered ([`Callback::Get`]), made ([`Callback::New`]) or given up
    /// ([`Callback::Remove`]).
    pub callback: Callback,
    /// The first 16 hexadecimal digits of the session's id; of what was offered, if that is no id of this host's.
    pub session: String,
    /// The server name of the connection, in lower case; of the session, where it was given up.
    pub server_name: Option<String>,
    /// The connection's peer, an IP address; none for a session given up, which no connection stands behind.
    pub peer: Option<String>,
    /// The name of the listener that has the connection.
    pub listener: Option<String>,
    /// The session, if it was found, or could be made out.
    pub about: Option<About>,
    /// What each policy said, in the order in which they were asked. One objection is enough. Empty where the host decided
    /// without them.
    pub asked: Vec<Asked>,
    /// What came of it.
    pub verdict: Verdict,
    /// What looking it up took, if a store was asked.
    pub look_up: Option<LookUp>,
    /// What policies in shadow mode are asked, if there are any.
    pub(crate) shadowed: Option<Arc<Decided>>,
}

/// The facts of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its protocol version.
    pub version: TlsVersion,
    /// Its cipher suite, as on the wire.
    pub cipher_suite: u16,
    /// When the client last proved itself in full: seconds since the Unix epoch.
    pub authenticated: u64,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// Whether it has a client certificate.
    pub client_certificate: bool,
}

/// What the host decided.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The session offered is handed to OpenSSL.
    Resumes {
        /// 0-RTT data may come with it.
        early_data: bool,
    },
    /// A full handshake follows; where the reason is one for which RFC 8446 or RFC 7627 wants it, the handshake ends.
    Misses(Miss),
    /// The session made is kept, if its encoding can be.
    Keeps {
        /// Until when: seconds since the Unix epoch.
        until: u64,
        /// It resumes once.
        single_use: bool,
        /// How far it travels.
        reach: Reach,
    },
    /// The session made is not kept.
    NotKept(NotKept),
    /// The session given up is taken out of the store; or it has left already.
    Forgets(Removal),
    /// The session given up stays.
    Retains(Removal),
}

/// What a look-up took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUp {
    /// The tier that had it, 0 the nearest; none if nobody had.
    pub tier: Option<usize>,
    /// From the question to the answer; of both, where the session was looked at and then taken.
    pub took: Duration,
}

impl Consultation {
    /// One about nothing yet.
    pub(crate) fn new(time: u64, callback: Callback, session: String, verdict: Verdict) -> Self {
        Self {
            time,
            callback,
            session,
            server_name: None,
            peer: None,
            listener: None,
            about: None,
            asked: Vec::new(),
            verdict,
            look_up: None,
            shadowed: None,
        }
    }

    /// For tests: about nothing, and by nobody.
    #[doc(hidden)]
    pub fn bare(callback: Callback) -> Self {
        Self::new(0, callback, String::new(), Verdict::Misses(Miss::NotFound))
    }
}

impl About {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            version: record.version,
            cipher_suite: record.cipher_suite,
            authenticated: record.authenticated,
            expires: record.expires,
            client_certificate: record.peer_certificate.is_some(),
        }
    }
}

/// The first bytes of what was offered, as many as are shown of an id.
pub(crate) fn shortened(offered: &[u8]) -> String {
    hex(&offered[..offered.len().min(SHOWN)])
}
