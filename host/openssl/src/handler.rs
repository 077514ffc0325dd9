//! The seam between OpenSSL and decisions.

use std::{any::Any, task::Waker, time::Instant};

use reprise_session::session::{Prototype, SessionId};

use crate::facts::{
    Circumstances, HelloFacts, HelloResponse, Made, Noted, Observed, OfferFacts, Outcome, Renewal, Resumed,
    SessionFacts, Ticket,
};

/// What stands behind the hooks of the contexts that it is installed on, for as long as these last: longer than the host, perhaps, that it
/// speaks for.
///
/// The hooks keep no policy, no store and no key: they gather facts and do as they are answered. A failure behind this trait is an
/// answer: not resumed, not kept. Where it panics, the hooks take that for the same.
pub trait Handler: Send + Sync {
    /// What decides about the handshakes of one connection. It goes with the connection.
    fn connection(&self) -> Box<dyn Handshakes>;

    /// The id for a session that OpenSSL is about to make, around these random bytes. Keyed; nobody is asked. None where there is no key
    /// any more: the id is random then, and nobody's.
    fn new_id(&self, nonce: [u8; 16]) -> Option<SessionId>;

    /// Whether this is the id of a session that a handler with the same keys has made.
    fn recognises(&self, id: &[u8]) -> bool;

    /// OpenSSL gives a session up. Called inside remove_cb, maybe under a lock of OpenSSL's: it may queue, and nothing else.
    fn given_up(&self, id: SessionId, circumstances: Circumstances);

    /// In a program that knows nothing of us: whether the handshake that has begun is decided about here. False leaves it as it would be
    /// without us.
    fn takes(&self) -> bool {
        true
    }

    /// In a program that knows nothing of us: what was done with one of its contexts. Once for each; and again where it answers false, for
    /// it could not be noted.
    fn noted(&self, _: Noted) -> bool {
        true
    }

    /// In a program where nothing is decided here: a handshake is complete.
    fn observed(&self, _: Observed) {}

    /// In a program that knows nothing of us: OpenSSL is done with the module, as before the process ends. It may go on serving.
    fn ends(&self) {}
}

/// The handshakes of one connection, one after the other, on whichever thread works on the connection.
///
/// The order of calls in a handshake: [`hello`](Self::hello), [`offered`](Self::offered) for each session offered until one resumes,
/// [`ticket`](Self::ticket) and [`made`](Self::made) for each session made, [`done`](Self::done). After a HelloRetryRequest it begins
/// anew with the second ClientHello. Where somebody else's callback took the place of a hook, its calls are missing.
pub trait Handshakes: Any + Send {
    /// A ClientHello was read, and where the connection belongs is settled.
    ///
    /// With a waker (and [`HelloFacts::ahead`]), the handshake may be interrupted until a look-up is answered ([`HelloResponse::Retry`]): it
    /// is taken up again, and this called again, when the waker was woken or [`pending`](Self::pending) has come.
    fn hello(&mut self, hello: &HelloFacts<'_>, waker: Option<&Waker>) -> HelloResponse;

    /// Until when the handshake is interrupted at the longest; none if it is not.
    fn pending(&self) -> Option<Instant>;

    /// A client offers a session: what resumes, or none for a full handshake. With a waker, no store is waited for any more.
    fn offered(&mut self, offer: &OfferFacts<'_>, waker: Option<&Waker>) -> Option<Resumed>;

    /// What becomes of the session that renews the one that `offered` answered with, in TLS 1.3: asked before OpenSSL makes it, by who
    /// cannot wait twice in a handshake. None where it has to be asked for then.
    fn renewal(&mut self) -> Option<Renewal> {
        None
    }

    /// The session that `offered` answered with is decoded now, and could be kept so ([`Resumed::decoded_wanted`]).
    fn decoded(&mut self, session: Prototype);

    /// OpenSSL does not take the session that `offered` answered with: the handshake goes on in full.
    fn unusable(&mut self);

    /// A session was made. In TLS 1.3 its ticket is not written yet, and says what this answers.
    fn ticket(&mut self, session: &SessionFacts) -> Ticket;

    /// The encoding of the session that `ticket` was asked about last, which is kept. Never waited for.
    fn made(&mut self, made: Made);

    /// The handshake is complete.
    fn done(&mut self, outcome: &Outcome);

    /// Itself, for whoever installed the handler and knows the type.
    fn as_any(&self) -> &dyn Any;
}
