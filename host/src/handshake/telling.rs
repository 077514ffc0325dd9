//! What was decided in a handshake, for whoever listens.

use std::sync::Arc;

use reprise_openssl::facts::{OfferFacts, Resumed, SessionFacts, TLS13};
use reprise_policy::policy::{Callback, Chain, wit::types};
use reprise_session::session::{Miss, Record, SessionId};

use super::{Connection, Handshake, Resources, Stage, ahead::Lookup, keep::Announced, look_up::Unfit};
use crate::{
    consultation::{About, Consultation, LookUp, NotKept, Verdict, shortened},
    recent::Seen,
};

impl Connection {
    /// A session was offered in a handshake that missed the hook.
    pub(super) fn tell_of_unheard(resources: &Resources, offer: &OfferFacts<'_>) {
        resources.tell(None, None, || {
            Consultation::new(resources.now(), Callback::Get, shortened(offer.id), Verdict::Misses(Miss::NoHook))
        });
    }
}

impl Handshake {
    /// A session was offered, and resumes or not. Told once, though a HelloRetryRequest has OpenSSL ask twice; and again where
    /// that comes to something else.
    pub(super) fn tell_of_offer(
        &mut self,
        resources: &Resources,
        offer: &OfferFacts<'_>,
        sought: Result<&Resumed, &Miss>,
    ) {
        let shadowed = self.found.shadowed.take();
        if sought.is_err_and(|miss| self.is_made_up(miss, offer.version == TLS13)) {
            return;
        }
        if let Stage::Deciding(deciding) = &mut self.stage
            && let Some(search) = deciding.searches.iter_mut().find(|search| search.id.as_bytes() == offer.id)
            && search.told.replace(sought.is_ok()) == Some(sought.is_ok())
        {
            return;
        }
        if resources.recent.is_on() {
            let (record, look_up) = self.candidate(offer).unwrap_or_default();
            let seen = Seen::new(offer.id, record.map(|record| &**record), self.border.as_ref().ok(), look_up);
            self.found.seen = Some(Box::new(seen));
        }
        resources.tell(self.policies(), shadowed, || self.offered_event(offer, sought));
    }

    /// What a session offered is, if it was found, and what it took to look it up; none where nothing was.
    fn candidate(&self, offer: &OfferFacts<'_>) -> Option<(Option<&Arc<Record>>, Option<LookUp>)> {
        let Stage::Deciding(deciding) = &self.stage else { return None };
        let search = deciding.searches.iter().find(|search| search.id.as_bytes() == offer.id)?;
        let record = match &search.lookup {
            Lookup::Judged(Ok(candidate)) => Some(&candidate.record),
            Lookup::Judged(Err(Unfit { record, .. })) => record.as_ref(),
            _ => None,
        };
        Some((record, Some(search.took)))
    }

    fn offered_event(&self, offer: &OfferFacts<'_>, sought: Result<&Resumed, &Miss>) -> Consultation {
        let verdict = match sought {
            Ok(Resumed { ends: false, early_data, .. }) => {
                Verdict::Resumes { early_data: *early_data && self.hello.early_data && offer.version == TLS13 }
            }
            Ok(_) => Verdict::Misses(self.found.miss.clone().unwrap_or(Miss::Internal)),
            Err(miss) => Verdict::Misses(miss.clone()),
        };
        let mut event = self.event(Callback::Get, shortened(offer.id), verdict);
        let Some((record, look_up)) = self.candidate(offer) else { return event };
        event.about = record.map(|record| About::of(record));
        event.look_up = look_up;
        if self.found.asked_about.is_some_and(|about| about.as_bytes() == offer.id) {
            event.asked.clone_from(&self.found.asked);
        }
        event
    }

    /// A session was made, and is kept or not.
    pub(super) fn tell_of_made(
        &mut self,
        resources: &Resources,
        made: &SessionFacts,
        decided: &Result<Announced, NotKept>,
    ) {
        let shadowed = self.kept.shadowed.take();
        resources.tell(self.policies(), shadowed, || {
            let (verdict, about) = match decided {
                Ok(Announced { record, single_use, reach, .. }) => {
                    let (until, single_use, reach) = (record.expires, *single_use, *reach);
                    (Verdict::Keeps { until, single_use, reach }, Some(About::of(record)))
                }
                Err(why) => (Verdict::NotKept(why.clone()), None),
            };
            let event = self.event(Callback::New, shortened(&made.id), verdict);
            Consultation { about, asked: self.kept.asked.clone(), ..event }
        });
    }

    /// A session that was to be kept cannot be.
    pub(super) fn tell_of_unkept(&self, resources: &Resources, id: &SessionId, why: &NotKept) {
        resources.tell(None, None, || self.event(Callback::New, id.to_string(), Verdict::NotKept(why.clone())));
    }

    fn policies(&self) -> Option<&Chain> {
        match &self.stage {
            Stage::Deciding(deciding) => Some(&deciding.policies),
            Stage::Over => None,
        }
    }

    fn event(&self, callback: Callback, session: String, verdict: Verdict) -> Consultation {
        let types::Connection { server_name, peer, listener, now, .. } = &self.facts;
        Consultation {
            server_name: server_name.clone(),
            peer: peer.clone(),
            listener: Some(listener.clone()),
            ..Consultation::new(*now, callback, session, verdict)
        }
    }
}
