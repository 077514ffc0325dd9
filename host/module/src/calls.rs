//! The handshakes of one connection, as calls of the agent: what wants no answer waits for what does, and the rest is told when the
//! handshake is complete.

use std::{any::Any, sync::Arc, task::Waker, time::Instant};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Circumstances, HelloFacts, HelloResponse, Made, Noted, Observed, OfferFacts, Outcome, Resumed, SessionFacts,
        Ticket,
    },
};
use reprise_session::session::{Prototype, SessionId};
use reprise_wire::{answer::Says, calls, secret::Secret};

use crate::{agent::Agent, message::Message, settings::Settings};

/// Asks the agent.
pub struct Asking {
    agent: Arc<Agent>,
}

impl Asking {
    pub fn new(settings: Settings, secret: Option<Secret>) -> Self {
        Self { agent: Arc::new(Agent::new(settings, secret)) }
    }
}

impl Handler for Asking {
    fn connection(&self) -> Box<dyn Handshakes> {
        Box::new(Connection {
            number: self.agent.number(),
            agent: self.agent.clone(),
            message: Message::default(),
            asked: false,
            sessions: 0,
            done: None,
            handed: None,
        })
    }

    fn new_id(&self, nonce: [u8; 16]) -> Option<SessionId> {
        Some(self.agent.ids()?.id(nonce))
    }

    fn recognises(&self, id: &[u8]) -> bool {
        // Asked inside remove_cb, too: nothing is sent for it.
        self.agent.known_ids().is_some_and(|ids| ids.recognise(id).is_some())
    }

    fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        self.agent.given_up(id, circumstances);
    }

    fn takes(&self) -> bool {
        self.agent.takes()
    }

    fn noted(&self, noted: Noted) -> bool {
        self.agent.noted(noted)
    }

    fn observed(&self, observed: Observed) {
        let mut message = Message::default();
        message.calls.observed(observed);
        message.calls.gone();
        self.agent.tell(self.agent.number(), &mut message);
    }

    fn ends(&self) {
        self.agent.end();
    }
}

/// One connection.
struct Connection {
    number: u64,
    agent: Arc<Agent>,
    message: Message,
    /// The agent knows of this handshake.
    asked: bool,
    /// How many sessions it has made.
    sessions: usize,
    /// How many it was to make, once it is complete.
    done: Option<usize>,
    handed: Option<SessionId>,
}

impl Handshakes for Connection {
    fn hello(&mut self, hello: &HelloFacts<'_>, _: Option<&Waker>) -> HelloResponse {
        (self.sessions, self.done) = (0, None);
        match self.agent.places(hello) {
            Some(places) => self.message.hello(hello, places),
            None => self.message.calls.hello(hello),
        }
        HelloResponse::Continue
    }

    fn pending(&self) -> Option<Instant> {
        None
    }

    fn offered(&mut self, offer: &OfferFacts<'_>, _: Option<&Waker>) -> Option<Resumed> {
        let Some(id) = self.agent.ids()?.recognise(offer.id) else {
            self.offers(offer, false);
            return None;
        };
        let here = self.agent.here();
        let decoded = here.get()?.alive.get(&id);
        self.offers(offer, decoded.is_some());
        self.asked = true;
        let resumed = self.agent.ask(self.number, &mut self.message, |answer| match answer.says {
            Says::Resumes(resumes) => resumes.resumed(decoded),
            _ => None,
        })?;
        self.handed = Some(resumed.id);
        Some(resumed)
    }

    fn decoded(&mut self, session: Prototype) {
        if let (Some(id), Some(here)) = (self.handed, self.agent.here().get()) {
            here.alive.keep(id, session);
        }
    }

    fn unusable(&mut self) {
        self.handed = None;
        self.message.calls.unusable();
    }

    fn ticket(&mut self, session: &SessionFacts) -> Ticket {
        self.message.calls.ticket(session);
        self.asked = true;
        let answered = self.agent.ask(self.number, &mut self.message, |answer| match answer.says {
            Says::Ticket(ticket) => Some(ticket),
            _ => None,
        });
        answered.unwrap_or(Ticket::Withheld)
    }

    fn made(&mut self, Made { id, encoding }: Made) {
        let encoding = match &encoding {
            Ok(encoded) => {
                if let (Some(decoded), Some(here)) = (&encoded.decoded, self.agent.here().get()) {
                    here.alive.keep(id, decoded.clone());
                }
                Ok(calls::bytes(&encoded.der))
            }
            Err(why) => Err(*why),
        };
        self.message.calls.made(&calls::Made { id, encoding });
        self.sessions += 1;
        self.over();
    }

    fn done(&mut self, outcome: &Outcome) {
        if outcome.sessions == 0 && self.message.is_empty() {
            self.asked = false;
            return self.agent.over(self.number, *outcome);
        }
        self.done = Some(outcome.sessions);
        self.message.calls.done(outcome);
        self.over();
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Connection {
    fn offers(&mut self, offer: &OfferFacts<'_>, decoded: bool) {
        match self.agent.suites(&offer.able.ciphers) {
            Some(suites) => self.message.offered(offer, suites, decoded),
            None => self.message.calls.offered(offer, decoded),
        }
    }

    /// Where nothing more comes of the handshake, the agent is told, and forgets it.
    fn over(&mut self) {
        if self.done.is_some_and(|expected| self.sessions >= expected) {
            self.message.calls.gone();
            self.agent.tell(self.number, &mut self.message);
            self.asked = false;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.asked || !self.message.is_empty() {
            self.message.calls.gone();
            self.agent.tell(self.number, &mut self.message);
        } else {
            self.agent.tell_what_is_late();
        }
    }
}
