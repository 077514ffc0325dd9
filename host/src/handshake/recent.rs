//! What is kept of a handshake that is complete, for who asks later.

use reprise_openssl::facts::{Offered, Outcome, TLS13};

use super::{Connection, Handshake, Phase, Resources};
use crate::{
    consultation::shortened,
    funnel::Reason,
    recent::{self, Offer},
};

impl Connection {
    pub(super) fn recent(&mut self, resources: &Resources, outcome: &Outcome, reason: Reason) -> recent::Handshake {
        let Outcome { version, resumed, .. } = *outcome;
        match &mut self.phase {
            Phase::Heard(handshake) => handshake.recent(resources, (version, resumed), reason),
            Phase::Unheard { miss, not_kept } => recent::Handshake {
                time: resources.now(),
                version,
                reason,
                miss: miss.clone(),
                not_kept: not_kept.clone(),
                ..recent::Handshake::default()
            },
        }
    }
}

impl Handshake {
    fn recent(&mut self, resources: &Resources, (version, resumed): (i32, bool), reason: Reason) -> recent::Handshake {
        let seen = self.found.seen.take().map(|seen| *seen);
        let border = self.border.as_ref().ok();
        recent::Handshake {
            time: self.facts.now,
            client: self.peer.map(|peer| resources.recent.clients().keep(peer)),
            listener: recent::place(&self.facts.listener),
            site: recent::place(border.map_or("", |border| &border.site)),
            server_name: self.hello.server_name.as_deref().map(recent::place),
            version,
            offered: self.offers(version == TLS13),
            seen,
            said: recent::Handshake::said(&self.found.asked, &self.kept.asked),
            reason,
            miss: if resumed { None } else { self.miss(version) },
            kept: self.kept.last.as_ref().map(|(id, record)| (id.to_string(), record.expires)),
            not_kept: self.kept.not_kept.clone(),
        }
    }

    /// What the client offers, as far as its ClientHello tells.
    fn offers(&self, tls13: bool) -> Option<Offer> {
        let hello = &*self.hello;
        let (kind, session) = if hello.offers_session(tls13) {
            let session = hello.session_id.filter(|_| !tls13).map(|id| id.to_string());
            let psk = || hello.identities.iter().find(|identity| identity.len() == 32).map(|psk| shortened(psk));
            (if tls13 { Offered::Psk } else { Offered::SessionId }, session.or_else(psk).unwrap_or_default())
        } else {
            let reason = Reason::without_session(hello, tls13).as_str();
            let kind = Offered::ALL.into_iter().find(|kind| kind.as_str() == reason);
            (kind.filter(|kind| *kind != Offered::Nothing)?, String::new())
        };
        Some(Offer { kind, session, early_data: hello.early_data })
    }
}
