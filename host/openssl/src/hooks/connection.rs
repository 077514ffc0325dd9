//! What of a connection's handshakes OpenSSL's side has to remember.

use std::{
    net::IpAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
    time::Instant,
};

use openssl::{error::ErrorStack, ssl::SslRef};
use reprise_session::lock::Mutex;
use reprise_session::{process::PerProcess, session::SessionId};

use super::{
    ex_data,
    info::Displaced,
    live::{self, Live},
    places::Settled,
    session::Pending,
    site::Site,
    switches::Name,
};
use crate::{
    facts::{Ahead, HelloFacts, Here, Offered, Outcome, Place, Renewal, TLS13, Turn},
    handler::{Handler, Handshakes},
    hello::{
        Hello, Proof,
        transcript::{Message, Seen, Transcript},
    },
    tls::ssl::{self, Cut},
};

/// What hangs on an `SSL`.
pub struct Connection {
    /// The `SSL`'s address, its name in the table of live connections. Never dereferenced here.
    ssl: usize,
    pub(crate) state: Mutex<State>,
    pub(super) transcript: Mutex<Transcript>,
    /// The connection's own info callback, which ours stands before.
    pub(super) displaced: Displaced,
    pub guest: AsGuest,
}

/// What is remembered of a connection in a program that knows nothing of us.
#[derive(Default)]
pub struct AsGuest {
    /// The address of the context that its handshake began with; 0 before that.
    pub first: AtomicUsize,
    /// A [`Stands`]
    stands: AtomicU8,
    /// The [`Offered`] of its ClientHello, where it is looked at and no more.
    offered: AtomicU8,
}

/// How we stand to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stands {
    /// No ClientHello of its was read.
    Unknown,
    /// It is ours to decide about.
    Taken,
    /// It is left alone.
    Left,
    /// It is looked at, and left alone.
    Observed,
}

impl AsGuest {
    /// Whether a ClientHello was read, and it is known what becomes of the connection.
    pub fn is_settled(&self) -> bool {
        self.stands.load(Relaxed) != Stands::Unknown as u8
    }

    /// It is ours to decide about.
    pub fn take(&self) {
        self.stands.store(Stands::Taken as u8, Relaxed);
    }

    /// It is left alone.
    pub fn leave(&self) {
        self.stands.store(Stands::Left as u8, Relaxed);
    }

    /// It is looked at, and no more.
    pub fn observe(&self, offered: Offered) {
        self.offered.store(offered as u8, Relaxed);
        self.stands.store(Stands::Observed as u8, Relaxed);
    }

    /// What its client offers, where it is looked at and no more.
    pub fn observed(&self) -> Option<Offered> {
        let offered = self.offered.load(Relaxed);
        (self.stands.load(Relaxed) == Stands::Observed as u8)
            .then(|| Offered::ALL.into_iter().find(|kind| *kind as u8 == offered))
            .flatten()
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub peer: Option<IpAddr>,
    /// Wakes whoever said that the handshake can be taken up again. Without it, nothing ever asks for that.
    pub waker: Option<Waker>,
    pub handler: Option<Handled>,
    pub running: Option<Running>,
    /// The session whose ticket is being written; none where it is not kept.
    pub announced: Option<(SessionId, Option<Pending>)>,
    /// The handshake, this one or one that missed the hook, is complete.
    pub complete: bool,
    /// The table that has this connection, and under which sessions.
    live: (Weak<PerProcess<Live>>, Vec<SessionId>),
}

/// What decides about the connection's handshakes, and where it comes from.
pub(crate) struct Handled {
    pub handler: Arc<dyn Handler>,
    pub handshakes: Box<dyn Handshakes>,
}

/// The handshake that passed the client-hello hook last.
pub(crate) struct Running {
    pub turn: Turn,
    /// Which of the connection's ClientHellos this is about; none if nobody counts them.
    pub seen: Option<Seen>,
    pub random: [u8; 32],
    pub hello: Arc<Hello>,
    pub hooked: Arc<Place>,
    /// The context that the hook settled on, and where that is.
    pub context: usize,
    pub here: Option<Here>,
    /// Where it is thought to end up, in a program that knows nothing of us.
    pub expected: Option<Expected>,
    /// Options of the context that settings were last taken over from.
    pub context_options: u64,
    /// The bound of 0-RTT data that the connection had before it was made to refuse it. Its tickets have it.
    pub refused_early_data: Option<u32>,
    /// The session that OpenSSL was handed last: if it says that it resumed, then this one.
    pub handed: Option<Handed>,
    /// What was handed is resumed where it was looked for.
    pub stayed: bool,
    /// What the connection wrote to, before its handshake was ended.
    pub cut: Option<Cut>,
}

/// Where a handshake is thought to end up.
pub(crate) struct Expected {
    pub name: Name,
    /// None where that is not known yet.
    pub place: Option<Settled>,
}

/// A session handed to OpenSSL.
pub(crate) struct Handed {
    pub early_data: bool,
    /// SHA-256 of the client's certificate in it.
    pub certificate: Option<Vec<u8>>,
    pub renewal: Option<Box<Renewal>>,
}

impl Running {
    /// The facts of its ClientHello.
    pub fn facts<'a>(&self, peer: Option<IpAddr>, ahead: Option<Ahead<'a>>) -> HelloFacts<'a> {
        let (hello, hooked, here) = (self.hello.clone(), self.hooked.clone(), self.here.clone());
        let learns = self.expected.as_ref().is_some_and(|expected| expected.place.is_none());
        HelloFacts { turn: self.turn, hello, peer, hooked, here, learns, ahead }
    }

    /// What a look-up needs that begins before OpenSSL asks for a session.
    pub fn ahead<'a>(&self, ssl: &'a SslRef, transcript: &'a Transcript) -> Ahead<'a> {
        let tls13 = self.hello.supports_tls13 && ssl::enables_tls13(ssl);
        Ahead { tls13, able: ssl::able(ssl), proof: transcript.proof() }
    }
}

impl State {
    /// What decides about this connection; from the context that it has now if nothing does yet. None without a handler.
    pub fn handshakes(&mut self, ssl: &SslRef) -> Option<&mut dyn Handshakes> {
        if self.handler.is_none() {
            // In a program that knows nothing of us, what was not taken is left alone.
            let site = Site::of(ssl).filter(|site| !site.is_guest)?;
            self.handled_by(&site.handler);
        }
        self.handler.as_mut().map(|handled| &mut *handled.handshakes)
    }

    /// From now on this handler decides, if it is another than before.
    pub fn handled_by(&mut self, handler: &Arc<dyn Handler>) {
        if !self.handler.as_ref().is_some_and(|handled| same(&handled.handler, handler)) {
            self.handler = Some(Handled { handler: handler.clone(), handshakes: handler.connection() });
        }
    }

    /// Nothing is known of any handshake.
    pub fn forget(&mut self) {
        (self.handler, self.running, self.announced) = (None, None, None);
    }

    /// Whether the connection has another context than the hook settled on.
    pub fn switched(&self, ssl: &SslRef) -> bool {
        self.running.as_ref().is_none_or(|running| running.context != ssl::context(ssl))
    }
}

/// Whether two are one handler.
pub(super) fn same(one: &Arc<dyn Handler>, other: &Arc<dyn Handler>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

impl Connection {
    /// For the `SSL` at this address.
    pub fn new(ssl: usize) -> Self {
        Self {
            ssl,
            state: Mutex::default(),
            transcript: Mutex::default(),
            displaced: Displaced::default(),
            guest: AsGuest::default(),
        }
    }

    /// Whether it is a program's that knows nothing of us, and its handshake ours to decide about.
    pub fn is_taken(&self) -> bool {
        self.guest.stands.load(Relaxed) == Stands::Taken as u8
    }

    /// A message of the handshake was read or sent.
    pub fn message(&self, message: Message<'_>) {
        self.transcript.lock().add(message);
    }

    /// A handshake begins. OpenSSL says so only where one was before, and in TLS 1.3 of what comes after a handshake, too.
    pub fn begins_anew(&self, ssl: &SslRef) {
        self.transcript.lock().begin();
        // A program that knows nothing of us renegotiates: it may want to know who its client is, and a resumption does not tell.
        if self.is_taken() && ssl::version(ssl) != TLS13 {
            let mut state = self.state.lock();
            if state.complete {
                state.forget();
                self.guest.leave();
            }
        }
    }

    /// Notes in the table of this process that the connection uses a session.
    pub fn enter(&self, state: &mut State, id: SessionId) {
        let (table, ids) = &mut state.live;
        if !ids.contains(&id) {
            let live = live::table();
            if let Some(live) = live.get() {
                live.enter(id, self.ssl);
                ids.push(id);
            }
            *table = Arc::downgrade(&live);
        }
    }

    /// The `SSL` is being freed: it leaves the table. The sessions that it was there with.
    pub fn detached(&self) -> Vec<SessionId> {
        let mut state = self.state.lock();
        let (table, ids) = std::mem::take(&mut state.live);
        if let Some(table) = table.upgrade()
            && let Some(live) = table.get()
        {
            ids.iter().for_each(|id| live.leave(id, self.ssl));
        }
        ids
    }
}

/// Tells the address of a connection's peer. Before the handshake, or in the client-hello callback.
///
/// # Errors
/// OpenSSL is out of memory.
pub fn attach(ssl: &SslRef, peer: IpAddr) -> Result<(), ErrorStack> {
    let connection = ex_data::of_or_new(ssl).ok_or_else(ErrorStack::get)?;
    connection.state.lock().peer = Some(peer.to_canonical());
    Ok(())
}

/// From now on, the handshake that is about to run is taken up again when `waker` is woken.
///
/// # Errors
/// OpenSSL is out of memory.
pub fn wake_by(ssl: &SslRef, waker: &Waker) -> Result<(), ErrorStack> {
    let connection = ex_data::of_or_new(ssl).ok_or_else(ErrorStack::get)?;
    let mut state = connection.state.lock();
    if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
        state.waker = Some(waker.clone());
    }
    Ok(())
}

/// Until when the connection's handshake is interrupted for a look-up; none if it is not.
pub fn pending_lookup(ssl: &SslRef) -> Option<Instant> {
    ex_data::of(ssl)?.state.lock().handler.as_ref()?.handshakes.pending()
}

/// What `ask` gives of what decides about a connection, and of how OpenSSL says that its handshake went.
pub fn with_handshakes<T>(ssl: &SslRef, ask: impl FnOnce(&dyn Handshakes, &Outcome) -> T) -> Option<T> {
    let connection = ex_data::of(ssl)?;
    let state = connection.state.lock();
    Some(ask(&*state.handler.as_ref()?.handshakes, &ssl::outcome(ssl)))
}

/// The ClientHello that a connection has read last, and its bytes, which are kept where it offers a PSK and until the ServerHello.
pub fn hello_seen(ssl: &SslRef) -> Option<(Seen, Vec<u8>)> {
    let connection = ex_data::of(ssl)?;
    let transcript = connection.transcript.lock();
    let (bytes, hello_at) = transcript.bytes();
    Some((transcript.last()?, bytes[hello_at..].to_vec()))
}

/// What `ask` gives of what the ClientHello read last proves, if it offers a PSK and is kept.
pub fn proof<T>(ssl: &SslRef, ask: impl FnOnce(Proof<'_>) -> T) -> Option<T> {
    ex_data::of(ssl)?.transcript.lock().proof().map(ask)
}

/// Whether 0-RTT data may be accepted: with the session that was handed to OpenSSL, which this handshake has taken out
/// of the store.
///
/// OpenSSL asks for it by `SSL_CTX_set_allow_early_data_cb`, which the host takes. An embedder that sets a callback of
/// its own over the host's asks here, and answers 0 where this is false.
pub fn allows_early_data(ssl: &SslRef) -> bool {
    let handed = |state: &State| Some(state.running.as_ref()?.handed.as_ref()?.early_data);
    ex_data::of(ssl).and_then(|connection| handed(&connection.state.lock())).unwrap_or(false)
}
