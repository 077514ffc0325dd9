//! What became of a handshake.

use openssl::ssl::SslRef;
use reprise_policy::policy::Asked;
use reprise_session::session::{Miss, SessionId};

use super::{Connection, Handshake, NotKept, look_up::TLS13};
use crate::callbacks::tls;

/// What became of the 0-RTT data that a client sent before its handshake was complete (RFC 8446 section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// What the host knows of a connection: for an access log, a status page, a test.
#[derive(Clone, Debug, Default)]
pub struct ConnectionReport {
    /// SNI in lower case.
    pub server_name: Option<String>,
    /// The listener's name.
    pub listener: String,
    /// The site that the hook settled on, if it did.
    pub site: Option<String>,
    /// Whether a session offered was taken.
    pub resumed: bool,
    /// What became of 0-RTT data.
    pub early_data: EarlyData,
    /// The session: the one kept last, else the one resumed.
    pub session_id: Option<SessionId>,
    /// Time of the full handshake it descends from: seconds since the Unix epoch.
    pub authenticated: Option<u64>,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: Option<u64>,
    /// How often a session has been resumed since that full handshake. TLS 1.2: looked up, on this node.
    pub resumptions: u32,
    /// What each policy said: first of the candidate, then of the session made.
    pub policies: Vec<Asked>,
    /// Why the session offered was not resumed. None if one was, or none was offered.
    pub miss: Option<Miss>,
    /// Why the session made was not kept.
    pub not_kept: Option<NotKept>,
}

impl Connection {
    /// What became of the handshake; none before its ClientHello. Where the hook was missed, just that.
    pub fn report(&self, ssl: &SslRef) -> Option<ConnectionReport> {
        let state = self.state.lock();
        let Some(handshake) = state.handshake.as_ref() else {
            let (miss, not_kept) = state.unhooked.clone();
            let missed = miss.is_some() || not_kept.is_some();
            return missed.then(|| ConnectionReport { miss, not_kept, ..ConnectionReport::default() });
        };
        let resumed = tls::resumed(ssl);
        let origin = Connection::resumed(ssl, handshake);
        let kept = handshake.kept.last.as_ref();
        let from_origin = origin.as_ref().map(|origin| (&origin.id, &origin.record));
        let session = kept.map(|(id, record)| (id, record)).or(from_origin);
        Some(ConnectionReport {
            server_name: handshake.hello.server_name.clone(),
            listener: handshake.facts.listener.clone(),
            site: handshake.border.as_ref().ok().map(|border| border.site.clone()),
            resumed,
            early_data: tls::early_data(ssl),
            session_id: session.map(|(id, _)| *id),
            authenticated: session.map(|(_, record)| record.authenticated),
            expires: session.map(|(_, record)| record.expires),
            resumptions: origin.as_ref().map_or(0, |origin| origin.resumptions),
            policies: [handshake.kept.asked_get.as_slice(), &handshake.kept.asked_new].concat(),
            miss: if resumed { None } else { miss(ssl, handshake) },
            not_kept: handshake.kept.not_kept.clone(),
        })
    }
}

/// Why a session that was offered is not resumed. An id that was never a session's is no miss.
pub(super) fn miss(ssl: &SslRef, handshake: &Handshake) -> Option<Miss> {
    let tls13 = tls::version(ssl) == TLS13;
    match &handshake.kept.miss {
        None if handshake.handed.is_some() => Some(Miss::NotTaken),
        Some(Miss::ForeignId) if !tls13 => handshake.hello.offers_session(false).then_some(Miss::ForeignId),
        Some(miss) => Some(miss.clone()),
        // Nor was it asked for.
        None => handshake.hello.offers_session(tls13).then_some(Miss::ForeignId),
    }
}
