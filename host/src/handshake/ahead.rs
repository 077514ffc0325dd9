//! A look-up goes ahead of get_cb, where the connection can be taken up again: it begins in the client-hello hook, before
//! OpenSSL has done anything dear, and the handshake returns `SSL_ERROR_WANT_CLIENT_HELLO_CB` until the store has answered.
//! No thread waits meanwhile.
//!
//! One look-up is [`Lookup::Pending`], then [`Lookup::Answered`], by the store or, when its time is up, without it,
//! then [`Lookup::Judged`]; and stays that for the rest of the handshake. What is to be consumed is pending and
//! answered once more, while it is taken (see `take`). It begins once, whatever a retry or a HelloRetryRequest repeats.
//! What is left of it when the connection is freed is dropped with it.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use openssl::ssl::SslRef;
use reprise_policy::policy::wit::types::TlsVersion;
use reprise_session::{
    session::{Miss, SessionId},
    vital::guarded,
};
use reprise_store::store::{Answer, Consume, Fetch, Later, Unavailable, wait};

use super::{
    Connection, Handshake, State,
    hello::IDENTITIES,
    look_up::{Examined, Judgement},
};
use crate::{callbacks::tls, host::Inner};

/// No clock ends after this, whatever deadline was set.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How far the look-up of one candidate has come. `asked` is when it began, in seconds since the Unix epoch: what the store says holds
/// then.
pub enum Lookup {
    /// The store was asked.
    Pending { asked: u64, question: Question, answer: Later<Answer> },
    /// The store has answered, or did not in time.
    Answered { asked: u64, question: Question, answer: Answer },
    /// It belongs here, and what is to be consumed is taken. Policies are to be asked.
    Examined(Box<Examined>),
    /// What came of it.
    Judged(Judgement),
}

/// What a store is asked.
pub enum Question {
    /// What it has.
    Look,
    /// To give up what it has, which is this.
    Take(Box<Examined>),
}

impl Lookup {
    /// Asks the store.
    pub fn begin(host: &Inner, id: &SessionId, question: Question) -> Self {
        let asked = host.now();
        let consume = if matches!(question, Question::Look) { Consume::Never } else { Consume::Always };
        let fetch = || host.store.fetch(id, consume, asked);
        match guarded("Store::fetch", Fetch::Ready(panicked()), fetch) {
            Fetch::Ready(answer) => Lookup::Answered { asked, question, answer },
            Fetch::Pending(answer) => Lookup::Pending { asked, question, answer },
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
        let before = std::mem::replace(self, Lookup::Judged(Err(Miss::Internal)));
        let Lookup::Pending { asked, question, answer: pending } = before else { return *self = before };
        *self = Lookup::Answered { asked, question, answer };
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

impl Handshake {
    /// The look-up of `id`, begun if it has not. It fails where the store was asked for enough of them already.
    pub fn lookup(&mut self, host: &Inner, id: SessionId) -> Result<&mut Lookup, Miss> {
        let place = match self.lookups.iter().position(|(seen, _)| *seen == id) {
            Some(place) => place,
            None if self.lookups.len() == IDENTITIES => return Err(Miss::TooManyIdentities),
            None => {
                let until = self.deadline(host);
                let late = !self.lookups.is_empty() && until <= Instant::now();
                let lookup = if late {
                    Lookup::Answered { asked: host.now(), question: Question::Look, answer: Err(self::late().into()) }
                } else {
                    Lookup::begin(host, &id, Question::Look)
                };
                self.lookups.push((id, lookup));
                self.lookups.len() - 1
            }
        };
        Ok(&mut self.lookups[place].1)
    }

    /// When the store has to have answered. It counts from the first look-up, so that several hold the handshake no longer.
    pub fn deadline(&mut self, host: &Inner) -> Instant {
        *self.store_until.get_or_insert_with(|| Instant::now() + host.limits.store_deadline.min(LONGEST))
    }

    /// Whether the handshake is one of TLS 1.3. For the client-hello callback, where OpenSSL has not chosen yet.
    fn becomes_tls13(&self, ssl: &SslRef) -> bool {
        self.hello.supports_tls13 && tls::enables_tls13(ssl)
    }

    /// The sessions that OpenSSL may ask for, in its order: those of the version that this handshake will have.
    fn candidates(&self, ssl: &SslRef, host: &Inner) -> Vec<SessionId> {
        let recognise = |offered: &[u8]| host.keyring.recognise(offered);
        if !self.becomes_tls13(ssl) {
            return recognise(tls::hello_session_id(ssl)).into_iter().collect();
        }
        // Without a key exchange beside it, no session resumes (RFC 8446 section 4.2.9).
        if !self.hello.psk_with_key_exchange {
            return Vec::new();
        }
        self.hello.identities.iter().filter_map(|identity| recognise(identity)).collect()
    }
}

impl Connection {
    /// From now on, the handshake that is about to run is taken up again when `waker` is woken.
    pub fn wake_by(&self, waker: &Waker) {
        let mut state = self.state.lock();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
    }

    /// Until when the handshake waits for the store; none if it does not.
    pub fn pending(&self) -> Option<Instant> {
        let state = self.state.lock();
        let handshake = state.handshake.as_ref()?;
        let pending = handshake.lookups.iter().any(|(_, lookup)| matches!(lookup, Lookup::Pending { .. }));
        handshake.store_until.filter(|_| pending)
    }
}

/// Whether the handshake is to be taken up again later, for the store has not answered. Begins what look-ups get_cb will need, or
/// goes on with them. Never where nobody said that the connection can be taken up again.
pub fn waits(ssl: &SslRef, connection: &Connection) -> bool {
    let mut state = connection.state.lock();
    let State { waker: Some(waker), handshake: Some(handshake), .. } = &mut *state else { return false };
    if handshake.border.is_err() {
        return false;
    }
    let Some(host) = handshake.host.upgrade() else { return false };
    let waker = waker.clone();
    let host: &Arc<Inner> = &host;
    let version = handshake.becomes_tls13(ssl).then_some(TlsVersion::Tls13);
    for id in handshake.candidates(ssl, host) {
        let until = handshake.deadline(host);
        loop {
            let Ok(lookup) = handshake.lookup(host, id) else { return false };
            if !lookup.poll(&waker, until) {
                return true;
            }
            if !guarded("client_hello", false, || handshake.takes(ssl, host, id, version)) {
                break;
            }
        }
        if handshake.lookup(host, id).is_ok_and(|lookup| lookup.found()) {
            return false;
        }
    }
    false
}
