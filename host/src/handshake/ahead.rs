//! A look-up goes ahead of get_cb, where the connection can be taken up again: it begins with the ClientHello, before
//! OpenSSL has done anything dear, and the handshake returns `SSL_ERROR_WANT_CLIENT_HELLO_CB` until the store has answered.
//! No thread waits meanwhile.
//!
//! One look-up is [`Lookup::Pending`], then [`Lookup::Answered`], by the store or, when its time is up, without it,
//! then [`Lookup::Judged`]; and stays that for the rest of the handshake. What is to be consumed is pending and
//! answered once more, while it is taken (see `take`). It begins once, whatever a retry or a HelloRetryRequest repeats.
//! What is left of it when the connection is freed is dropped with it.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use reprise_openssl::{
    facts::{Ahead, HelloFacts},
    hello::IDENTITIES,
};
use reprise_policy::policy::wit::types::TlsVersion;
use reprise_session::{
    session::{Miss, SessionId},
    vital::guarded,
};
use reprise_store::store::{Answer, Consume, Fetch, Later, Unavailable, wait};

use super::{
    Connection, Deciding, Handshake, Now, Phase, Resources, Stage,
    look_up::{Examined, Judgement},
};
use crate::consultation::LookUp;

/// No clock ends after this, whatever deadline was set.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How far the look-up of one candidate has come. `asked` is when it began, in seconds since the Unix epoch: what the store says holds
/// then.
pub enum Lookup {
    /// The store was asked.
    Pending { asked: u64, began: Began, question: Question, answer: Later<Answer> },
    /// The store has answered, or did not in time.
    Answered { asked: u64, took: Duration, question: Question, answer: Answer },
    /// It belongs here, and what is to be consumed is taken. Policies are to be asked.
    Examined(Box<Examined>),
    /// What came of it.
    Judged(Judgement),
}

/// The look-up of one candidate, from the first question to what came of it.
pub struct Search {
    pub id: SessionId,
    pub lookup: Lookup,
    /// What it took so far.
    pub took: LookUp,
    /// It was told of: that it resumes, or that it does not.
    pub told: Option<bool>,
}

/// When a store was asked, where anybody wants to know what it took.
pub struct Began(Option<Instant>);

impl Began {
    fn now(resources: &Resources) -> Self {
        Self(resources.are_watched().then(Instant::now))
    }

    fn elapsed(&self) -> Duration {
        self.0.map(|began| began.elapsed()).unwrap_or_default()
    }
}

/// What a store is asked.
pub enum Question {
    /// What it has.
    Look,
    /// To give up what it has, which is this.
    Take(Box<Examined>),
}

impl Search {
    /// A store has answered, after that long.
    pub fn heard(&mut self, took: Duration, answer: &Answer) {
        self.took.took += took;
        self.took.tier = answer.as_ref().ok().and_then(Option::as_ref).map(|found| found.tier);
    }
}

impl Lookup {
    /// Asks the store.
    pub fn begin(resources: &Resources, id: &SessionId, question: Question) -> Self {
        let (asked, began) = (resources.now(), Began::now(resources));
        let consume = if matches!(question, Question::Look) { Consume::Never } else { Consume::Always };
        let fetch = || resources.store.fetch(id, consume, asked);
        match guarded("Store::fetch", Fetch::Ready(panicked()), fetch) {
            Fetch::Ready(answer) => Lookup::Answered { asked, took: began.elapsed(), question, answer },
            Fetch::Pending(answer) => Lookup::Pending { asked, began, question, answer },
        }
    }

    /// Whether the store need not be waited for any more: it has answered, or `until` has passed.
    fn poll(&mut self, waker: &Waker, until: Instant) -> bool {
        let Lookup::Pending { answer, .. } = self else { return true };
        let polled =
            guarded("Store::fetch", Poll::Ready(panicked()), || answer.as_mut().poll(&mut Context::from_waker(waker)));
        match polled {
            Poll::Ready(answer) => self.answer(answer),
            Poll::Pending if until <= Instant::now() => self.answer(Err(late().into())),
            Poll::Pending => return false,
        }
        true
    }

    /// Has the answer in the end. With a waker, nothing is waited for; else this thread waits until `until`.
    pub fn finish(&mut self, waker: Option<&Waker>, until: Instant) {
        let Lookup::Pending { answer, .. } = self else { return };
        match waker {
            Some(waker) => {
                if !self.poll(waker, until) {
                    self.answer(Err(late().into()));
                }
            }
            None => {
                let answer = guarded("Store::fetch", panicked(), || wait::until(until, answer.as_mut()));
                self.answer(answer);
            }
        }
    }

    fn answer(&mut self, answer: Answer) {
        let before = std::mem::replace(self, Lookup::Judged(Err(Miss::Internal.into())));
        let Lookup::Pending { asked, began, question, answer: pending } = before else { return *self = before };
        *self = Lookup::Answered { asked, took: began.elapsed(), question, answer };
        // What a store left behind is dropped here; its panic is no panic of the handshake's.
        guarded("Store::fetch", (), || drop(pending));
    }

    /// Whether OpenSSL will not ask for the next candidate: this one is there.
    fn found(&self) -> bool {
        matches!(self, Lookup::Answered { answer: Ok(Some(_)), .. } | Lookup::Examined(_) | Lookup::Judged(Ok(_)))
    }
}

fn panicked() -> Answer {
    Err(Unavailable("it panicked".into()).into())
}

fn late() -> Unavailable {
    Unavailable("no answer in time".into())
}

impl Deciding {
    /// The look-up of `id`, begun if it has not. It fails where the store was asked for enough of them already.
    pub fn lookup(&mut self, resources: &Resources, id: SessionId) -> Result<&mut Lookup, Miss> {
        let place = match self.searches.iter().position(|search| search.id == id) {
            Some(place) => place,
            None if self.searches.len() == IDENTITIES => return Err(Miss::TooManyIdentities),
            None => {
                let until = self.deadline(resources);
                let late = !self.searches.is_empty() && until <= Instant::now();
                let lookup = if late {
                    let answer = Err(self::late().into());
                    Lookup::Answered { asked: resources.now(), took: Duration::ZERO, question: Question::Look, answer }
                } else {
                    Lookup::begin(resources, &id, Question::Look)
                };
                self.searches.push(Search { id, lookup, took: LookUp::default(), told: None });
                self.searches.len() - 1
            }
        };
        Ok(&mut self.searches[place].lookup)
    }

    /// When the store has to have answered. It counts from the first look-up, so that several hold the handshake no longer.
    pub fn deadline(&mut self, resources: &Resources) -> Instant {
        *self.store_until.get_or_insert_with(|| Instant::now() + resources.limits.store_deadline.min(LONGEST))
    }

    /// Until when the handshake waits for the store; none if it does not.
    pub fn pending(&self) -> Option<Instant> {
        let pending = self.searches.iter().any(|search| matches!(search.lookup, Lookup::Pending { .. }));
        self.store_until.filter(|_| pending)
    }
}

impl Handshake {
    /// The sessions that OpenSSL may ask for, in its order: those of the version that this handshake will have.
    fn candidates(&self, tls13: bool, resources: &Resources) -> Vec<SessionId> {
        let recognise = |offered: &[u8]| resources.keyring.recognise(offered);
        if !tls13 {
            return self.hello.session_id.and_then(|id| recognise(id.as_bytes())).into_iter().collect();
        }
        // Without a key exchange beside it, no session resumes (RFC 8446 section 4.2.9).
        if !self.hello.psk_with_key_exchange {
            return Vec::new();
        }
        self.hello.identities.iter().filter_map(|identity| recognise(identity)).collect()
    }

    /// Begins what look-ups OpenSSL will ask for, or goes on with them. Whether one is not answered yet.
    fn looks_ahead(&mut self, resources: &Resources, ahead: &Ahead<'_>, waker: &Waker) -> bool {
        let Ahead { tls13, able, proof } = ahead;
        let now = Now { version: tls13.then_some(TlsVersion::Tls13), able, proof: *proof };
        for id in self.candidates(*tls13, resources) {
            loop {
                let Stage::Deciding(deciding) = &mut self.stage else { return false };
                let until = deciding.deadline(resources);
                let Ok(lookup) = deciding.lookup(resources, id) else { return false };
                if !lookup.poll(waker, until) {
                    return true;
                }
                if !guarded("client_hello", false, || self.takes(resources, id, now)) {
                    break;
                }
            }
            let Stage::Deciding(deciding) = &mut self.stage else { return false };
            if deciding.lookup(resources, id).is_ok_and(|lookup| lookup.found()) {
                return false;
            }
        }
        false
    }
}

impl Connection {
    /// Whether the handshake is to be taken up again later, for the store has not answered. Never where nobody said that the
    /// connection can be taken up again.
    pub(super) fn waits(&mut self, hello: &HelloFacts<'_>, waker: Option<&Waker>) -> bool {
        let (Some(waker), Some(ahead)) = (waker, &hello.ahead) else { return false };
        let (Phase::Heard(handshake), Some(resources)) = (&mut self.phase, self.resources.upgrade()) else {
            return false;
        };
        handshake.border.is_ok() && handshake.looks_ahead(&resources, ahead, waker)
    }
}
