//! What became of a handshake.

use reprise_openssl::facts::{EarlyData, Outcome, TLS13};
use reprise_policy::policy::Asked;
use reprise_session::session::{Miss, SessionId};

use super::{Connection, Handshake, Phase};
use crate::{
    consultation::NotKept,
    funnel::{Place, Reason},
};

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
    /// Counts a handshake that is complete, once.
    pub(super) fn count(&mut self, outcome: &Outcome) {
        if std::mem::replace(&mut self.counted, true) {
            return;
        }
        let Some(resources) = self.resources.upgrade() else { return };
        let Outcome { version, resumed, .. } = *outcome;
        let handshake = if let Phase::Heard(handshake) = &self.phase { Some(handshake) } else { None };
        let reason = match &self.phase {
            Phase::Heard(handshake) => handshake.reason(version, resumed),
            Phase::Unheard { miss: Some(miss), .. } => Reason::missed(miss),
            // The hook was missed. What it resumed, if it did, was nothing of ours.
            Phase::Unheard { miss: None, .. } if resumed => Reason::RESUMED,
            Phase::Unheard { miss: None, .. } => Reason::NOTHING,
        };
        resources.counts.funnel.ended(version, reason, handshake.map(|handshake| handshake.at()));
        if let Some((handshake, origin)) = handshake.and_then(|handshake| Some((handshake, handshake.origin(resumed)?)))
        {
            resources.counts.aged(handshake.facts.now.saturating_sub(origin.record.authenticated));
        }
        if resources.recent.is_on() {
            resources.recent.add(self.recent(&resources, outcome, reason));
        }
    }

    /// What became of the handshake; none before its ClientHello. Where the hook was missed, just that.
    pub fn report(&self, outcome: &Outcome) -> Option<ConnectionReport> {
        let handshake = match &self.phase {
            Phase::Heard(handshake) => handshake,
            Phase::Unheard { miss: None, not_kept: None } => return None,
            Phase::Unheard { miss, not_kept } => {
                let (miss, not_kept) = (miss.clone(), not_kept.clone());
                return Some(ConnectionReport { miss, not_kept, ..ConnectionReport::default() });
            }
        };
        let Outcome { version, resumed, early_data, .. } = *outcome;
        let origin = handshake.origin(resumed);
        let kept = handshake.kept.last.as_ref();
        let from_origin = origin.map(|origin| (&origin.id, &origin.record));
        let session = kept.map(|(id, record)| (id, record)).or(from_origin);
        Some(ConnectionReport {
            server_name: handshake.hello.server_name.clone(),
            listener: handshake.facts.listener.clone(),
            site: handshake.border.as_ref().ok().map(|border| border.site.clone()),
            resumed,
            early_data,
            session_id: session.map(|(id, _)| *id),
            authenticated: session.map(|(_, record)| record.authenticated),
            expires: session.map(|(_, record)| record.expires),
            resumptions: origin.map_or(0, |origin| origin.resumptions),
            policies: [handshake.found.asked.as_slice(), &handshake.kept.asked].concat(),
            miss: if resumed { None } else { handshake.miss(version) },
            not_kept: handshake.kept.not_kept.clone(),
        })
    }
}

impl Handshake {
    /// Why it came no further than it did.
    fn reason(&self, version: i32, resumed: bool) -> Reason {
        if resumed {
            return Reason::RESUMED;
        }
        let without_session = || Reason::without_session(&self.hello, version == TLS13);
        self.miss(version).as_ref().map_or_else(without_session, Reason::missed)
    }

    fn at(&self) -> Place<'_> {
        Place {
            listener: &self.facts.listener,
            site: self.border.as_ref().map_or("", |border| &border.site),
            server_name: self.hello.server_name.as_deref(),
        }
    }

    /// Why a session that was offered is not resumed. An id that was never a session's is no miss.
    pub(super) fn miss(&self, version: i32) -> Option<Miss> {
        let tls13 = version == TLS13;
        match &self.found.miss {
            None if self.found.handed.is_some() => Some(Miss::NotTaken),
            Some(miss) => (!self.is_made_up(miss, tls13)).then(|| miss.clone()),
            // Nor was it asked for.
            None => self.hello.offers_session(tls13).then_some(Miss::ForeignId),
        }
    }

    /// Whether what missed never was a session's: clients of TLS 1.3 make up an id (RFC 8446 appendix D.4).
    pub(super) fn is_made_up(&self, miss: &Miss, tls13: bool) -> bool {
        *miss == Miss::ForeignId && !tls13 && !self.hello.offers_session(false)
    }
}
