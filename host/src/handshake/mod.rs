//! One handshake, from the ClientHello to the sessions it leaves behind: facts in, answers out. Safe code, in which no type of OpenSSL
//! occurs; what calls it is `reprise-openssl`, by its trait `Handler`.
//!
//! - `resources`: what is decided with
//! - `hello`: a handshake begins: a snapshot of the policies, and where the connection belongs
//! - `ahead`: look-ups that begin with the ClientHello, where the connection can wait without a thread
//! - `look_up`: a session is offered: store, host invariants, policies
//! - `take`: what is to be consumed is taken, once it is known who offers it
//! - `keep`: a session was made: policies, host maxima, store
//! - `removal`: a session was given up: queued, decided on a worker
//! - `telling`: what was decided, for whoever listens
//! - `report`: what became of it, counted, and for the embedder; `counts`: what handshakes add to; `recent`: what is kept of it
//!
//! # The phases of a handshake
//!
//! A connection is *unheard* until a ClientHello of its comes by the hook. Somebody's own client-hello callback may have taken the hook's
//! place: then what is offered and what is made is missed, and only the reason is kept.
//!
//! With the ClientHello a handshake is *heard*: its facts are taken, and where it belongs, or why nothing resumes there. It is
//! *deciding* from then on: it has a snapshot of the policies, by which all of it is decided whatever is swapped in meanwhile, and the
//! look-ups that were begun. Each of them is asked, answered, examined and judged once; a retry or a HelloRetryRequest repeats
//! the question, and not the work. Where OpenSSL takes the one that it was handed, the handshake is a resumption.
//!
//! When the last session that it makes was decided about, it is *over*: the snapshot is given back, and the look-ups, which
//! hold secrets, are dropped. A session that comes later, by post-handshake authentication, is decided by the policies of its
//! own time.
//!
//! Another ClientHello begins anew, but for the answer to a HelloRetryRequest.

mod ahead;
mod counts;
mod hello;
mod keep;
mod look_up;
mod recent;
pub mod removal;
mod report;
mod resources;
mod take;
mod telling;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    net::IpAddr,
    sync::{Arc, Weak},
    task::Waker,
    time::Instant,
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Able, Circumstances, HelloFacts, HelloResponse, Here, Made, OfferFacts, Outcome, Renewal, Resumed,
        SessionFacts, Ticket,
    },
    hello::{Hello, Proof},
};
use reprise_policy::policy::{Asked, Budget, Chain, Decided, wit::types};
use reprise_session::session::{Border, Miss, Prototype, Record, SessionId};

use self::{ahead::Search, keep::Announced};
pub use self::{
    counts::HandshakeCounts,
    report::ConnectionReport,
    resources::{Limits, Resources},
};
use crate::{consultation::NotKept, recent::Seen};

/// A host, as contexts know it: they may outlive it.
pub struct Answers {
    resources: Weak<Resources>,
}

impl Answers {
    /// For who is the host of these.
    pub fn by(resources: &Arc<Resources>) -> Self {
        Self { resources: Arc::downgrade(resources) }
    }
}

impl Handler for Answers {
    fn connection(&self) -> Box<dyn Handshakes> {
        Box::new(Connection { resources: self.resources.clone(), counted: false, phase: Phase::default() })
    }

    fn new_id(&self, nonce: [u8; 16]) -> Option<SessionId> {
        let resources = self.resources.upgrade()?;
        Some(resources.keyring.id(nonce, resources.now()))
    }

    fn recognises(&self, id: &[u8]) -> bool {
        self.resources.upgrade().is_some_and(|resources| resources.keyring.recognise(id).is_some())
    }

    fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        if let Some(resources) = self.resources.upgrade() {
            removal::queue(&resources, id, circumstances);
        }
    }
}

/// The handshakes of one connection.
pub struct Connection {
    resources: Weak<Resources>,
    /// The handshake, this one or one that missed the hook, is counted.
    counted: bool,
    phase: Phase,
}

/// How far a handshake is. See above.
enum Phase {
    /// No ClientHello came by the hook.
    Unheard {
        /// Why what was offered does not resume.
        miss: Option<Miss>,
        /// Why what was made is not kept.
        not_kept: Option<NotKept>,
    },
    /// One did.
    Heard(Box<Handshake>),
}

impl Default for Phase {
    fn default() -> Self {
        Phase::Unheard { miss: None, not_kept: None }
    }
}

/// The handshake that is running, or the last one that ran.
struct Handshake {
    hello: Arc<Hello>,
    /// The ClientHello answers a HelloRetryRequest.
    second: bool,
    /// The facts given to policies.
    facts: types::Connection,
    peer: Option<IpAddr>,
    here: Option<Here>,
    /// The border around where it belongs; or why nothing resumes here.
    border: Result<Border, Miss>,
    stage: Stage,
    found: Sought,
    kept: Kept,
}

/// Whether there is anything left to decide.
enum Stage {
    Deciding(Deciding),
    Over,
}

/// What a handshake is decided by.
struct Deciding {
    /// The policies in force when it began.
    policies: Arc<Chain>,
    budget: Budget,
    /// Candidates looked up so far. Asked for again, they are answered from here.
    searches: Vec<Search>,
    /// When the store has to have answered, once it was asked.
    store_until: Option<Instant>,
}

impl Deciding {
    fn by(policies: Arc<Chain>, budget: Budget) -> Self {
        Self { policies, budget, searches: Vec::new(), store_until: None }
    }
}

/// What came of the sessions offered.
#[derive(Default)]
struct Sought {
    /// The candidate that was handed over last: if OpenSSL says that it resumed, then this one.
    handed: Option<Arc<Handed>>,
    miss: Option<Miss>,
    asked: Vec<Asked>,
    /// The candidate that they were asked about.
    asked_about: Option<SessionId>,
    /// What policies in shadow mode are to be asked of the candidate.
    shadowed: Option<Arc<Decided>>,
    /// What was seen of the candidate, where recent handshakes are kept.
    seen: Option<Box<Seen>>,
}

/// A candidate handed over: what a session made by this handshake inherits.
struct Handed {
    id: SessionId,
    record: Arc<Record>,
    resumptions: u32,
    /// When it was last known not to be revoked.
    since: Option<u64>,
    /// Whether 0-RTT data may be accepted with it: this handshake has taken it out of the store, and no policy objects.
    early_data: bool,
}

/// What came of the sessions that the handshake made.
#[derive(Default)]
struct Kept {
    decided: usize,
    /// The one that was asked about last, if it is kept; its encoding is to come.
    announced: Option<Box<Announced>>,
    /// The last of them that was stored.
    last: Option<(SessionId, Arc<Record>)>,
    not_kept: Option<NotKept>,
    asked: Vec<Asked>,
    /// What policies in shadow mode are to be asked of the session made.
    shadowed: Option<Arc<Decided>>,
}

/// The connection as it is while a session is looked for.
#[derive(Clone, Copy)]
struct Now<'a> {
    /// None before it is known, if it is not TLS 1.3.
    version: Option<types::TlsVersion>,
    able: &'a Able<'a>,
    proof: Option<Proof<'a>>,
}

impl Handshake {
    /// The candidate that was resumed, if `resumed` is what OpenSSL says.
    fn origin(&self, resumed: bool) -> Option<&Arc<Handed>> {
        self.found.handed.as_ref().filter(|_| resumed)
    }
}

impl Handshakes for Connection {
    fn hello(&mut self, hello: &HelloFacts<'_>, waker: Option<&Waker>) -> HelloResponse {
        self.heard(hello);
        if self.waits(hello, waker) { HelloResponse::Retry } else { HelloResponse::Continue }
    }

    fn pending(&self) -> Option<Instant> {
        let Phase::Heard(handshake) = &self.phase else { return None };
        let Stage::Deciding(deciding) = &handshake.stage else { return None };
        deciding.pending()
    }

    fn offered(&mut self, offer: &OfferFacts<'_>, waker: Option<&Waker>) -> Option<Resumed> {
        self.look_up(offer, waker)
    }

    fn renewal(&mut self) -> Option<Renewal> {
        self.renew()
    }

    fn decoded(&mut self, session: Prototype) {
        let (Some(resources), Phase::Heard(handshake)) = (self.resources.upgrade(), &self.phase) else { return };
        if let Some(handed) = &handshake.found.handed {
            resources.store.keep_prototype(&handed.id, session.with_record(handed.record.clone()));
        }
    }

    fn unusable(&mut self) {
        if let Phase::Heard(handshake) = &mut self.phase {
            handshake.found.handed = None;
            handshake.found.miss = Some(Miss::Undecodable);
        }
    }

    fn ticket(&mut self, session: &SessionFacts) -> Ticket {
        self.announce(session)
    }

    fn made(&mut self, made: Made) {
        self.keep(made);
    }

    fn done(&mut self, outcome: &Outcome) {
        self.count(outcome);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An address as policies are shown it: what `Display` writes, which takes its time over IPv4 (once in each handshake).
fn in_text(peer: IpAddr) -> String {
    let IpAddr::V4(peer) = peer else { return peer.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    let mut digits = itoa::Buffer::new();
    for octet in peer.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(digits.format(octet));
    }
    text
}
