//! One handshake, from the ClientHello to the sessions it leaves behind. Safe code: what OpenSSL's callbacks call.
//!
//! - `hello`: facts from the ClientHello's bytes
//! - `transcript`: the ClientHellos counted, and as they were sent; `binder`: whether who offers a session is its owner
//! - `second_hello`: what a client may not change when it is asked to try again
//! - `begin`: the client-hello hook: takes the facts and a snapshot of the policies, settles where the connection belongs
//! - `ahead`: look-ups that begin in the hook, where the connection can wait without a thread
//! - `look_up`: a session is offered: store, host invariants, policies
//! - `take`: what is to be consumed is taken, once it is known who offers it
//! - `keep`: a session was made: policies, host maxima, store
//! - `removal`: a session was given up: queued, decided on a worker
//! - `done`: it is complete, and counted
//! - `report`: what became of it, for the embedder

mod ahead;
mod begin;
pub mod binder;
mod counts;
mod done;
pub mod hello;
mod keep;
mod look_up;
pub mod removal;
mod report;
mod second_hello;
mod take;
pub mod transcript;

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    task::Waker,
    time::Instant,
};

use parking_lot::Mutex;

use self::{
    ahead::Lookup,
    hello::Hello,
    keep::Ready,
    transcript::{Seen, Transcript},
};
pub use self::{
    begin::{client_hello, on_client_hello},
    counts::{HandshakeCounts, VERSIONS},
    done::done,
    keep::{NotKept, announce, keep},
    look_up::look_up,
    report::{ConnectionReport, EarlyData},
    transcript::Message,
};
use crate::{
    callbacks::{Displaced, live::Live, tls},
    host::{Decision, Inner},
};
use openssl::ssl::SslRef;
use reprise_policy::policy::{Asked, Budget, Callback, Chain, wit::types};
use reprise_session::session::{Border, Miss, Record, SessionId};

/// What hangs on an `SSL`.
pub struct Connection {
    /// The `SSL`'s address, its name in the table of live connections. Never dereferenced here.
    ssl: usize,
    state: Mutex<State>,
    pub(crate) transcript: Mutex<Transcript>,
    /// The connection's own info callback, which ours stands before.
    pub displaced: Displaced,
}

#[derive(Default)]
struct State {
    peer: Option<IpAddr>,
    handshake: Option<Handshake>,
    /// Wakes whoever said that the handshake can be taken up again. Without it, nothing ever asks for that.
    waker: Option<Waker>,
    /// Why what came without a handshake was not resumed or kept: the hook was missed, for somebody's own client-hello
    /// callback took its place.
    unhooked: (Option<Miss>, Option<NotKept>),
    /// The handshake, this one or one that missed the hook, is counted.
    counted: bool,
    /// The table that has this connection, and under which sessions.
    live: (Weak<Live>, Vec<SessionId>),
}

/// The handshake that is running, or the last one that ran.
struct Handshake {
    host: Weak<Inner>,
    /// Which of the connection's ClientHellos this is about; none if nobody counts them.
    seen: Option<Seen>,
    random: [u8; 32],
    hello: Hello,
    /// The policies in force when it began. It is decided by these, whatever is swapped in meanwhile. Given back once the
    /// last session that it makes was decided.
    policies: Option<Arc<Chain>>,
    budget: Budget,
    /// The facts given to policies.
    facts: types::Connection,
    /// The context that the hook settled on, and where that is; or why nothing resumes here.
    context: usize,
    border: Result<Border, Miss>,
    /// Options of the context that settings were last taken over from.
    context_options: u64,
    /// Candidates looked up so far. Asked for again (after a retry or a HelloRetryRequest), they are answered from here.
    lookups: Vec<(SessionId, Lookup)>,
    /// When the store has to have answered, once it was asked.
    store_until: Option<Instant>,
    /// The bound of 0-RTT data that the connection had before it was made to refuse it. Its tickets have it.
    refused_early_data: Option<u32>,
    /// The candidate that was handed to OpenSSL last: if OpenSSL says that it resumed, then this one.
    handed: Option<Arc<Handed>>,
    kept: Kept,
}

/// A candidate handed to OpenSSL: what a session made by this handshake inherits.
struct Handed {
    id: SessionId,
    record: Arc<Record>,
    resumptions: u32,
    /// When it was last known not to be revoked.
    since: Option<u64>,
    /// Whether 0-RTT data may be accepted with it: this handshake has taken it out of the store, and no policy objects.
    early_data: bool,
}

/// The sessions that the handshake made.
#[derive(Default)]
struct Kept {
    decided: usize,
    /// The one whose ticket is being written; none where it is not kept.
    announced: Option<(SessionId, Option<Ready>)>,
    /// The last of them that was stored.
    last: Option<(SessionId, Arc<Record>)>,
    asked_new: Vec<Asked>,
    asked_get: Vec<Asked>,
    miss: Option<Miss>,
    not_kept: Option<NotKept>,
}

impl Handshake {
    /// What its policies have just decided, for whoever listens.
    fn decision(&self, callback: Callback, id: &SessionId, asked: &[Asked]) -> Decision {
        let types::Connection { server_name, peer, now, .. } = &self.facts;
        let (server_name, peer) = (server_name.clone(), peer.clone());
        Decision { time: *now, callback, session: id.to_string(), server_name, peer, asked: asked.to_vec() }
    }
}

impl Connection {
    /// For the `SSL` at this address.
    pub fn new(ssl: usize) -> Self {
        Self { ssl, state: Mutex::default(), transcript: Mutex::default(), displaced: Displaced::default() }
    }

    /// A message of the handshake was read or sent.
    pub fn message(&self, message: Message<'_>) {
        self.transcript.lock().add(message);
    }

    /// A handshake begins. OpenSSL says so only where one was before.
    pub fn begins_anew(&self) {
        self.transcript.lock().begin();
    }

    /// The ClientHello read last: a new number for each, which the hook keeps when it is called again after a retry.
    /// None where somebody else's message callback took the place of the host's.
    pub fn hello_seen(&self) -> Option<Seen> {
        self.transcript.lock().last()
    }

    /// The ClientHello read last, as it was sent, where it offers a PSK and the ServerHello is not sent yet. Else
    /// empty.
    pub fn hello_bytes(&self) -> Vec<u8> {
        let transcript = self.transcript.lock();
        let (bytes, hello_at) = transcript.bytes();
        bytes[hello_at..].to_vec()
    }

    /// The connection's peer, shown to policies.
    pub fn set_peer(&self, peer: IpAddr) {
        let mut state = self.state.lock();
        let peer = peer.to_canonical();
        state.peer = Some(peer);
        // From inside the embedder's client-hello callback, the facts are taken already.
        if let Some(handshake) = &mut state.handshake {
            handshake.facts.peer = Some(in_text(peer));
        }
    }

    /// Notes in the host's table that this connection uses a session.
    fn enter(&self, state: &mut State, host: &Arc<Inner>, id: SessionId) {
        let (table, ids) = &mut state.live;
        if ids.contains(&id) {
            return;
        }
        if let Some(live) = host.live() {
            live.enter(id, self.ssl);
            *table = Arc::downgrade(&live);
            ids.push(id);
        }
    }

    /// The `SSL` is being freed: it leaves the table. The sessions that it was there with.
    pub fn detached(&self) -> Vec<SessionId> {
        let mut state = self.state.lock();
        let (table, ids) = std::mem::take(&mut state.live);
        if let Some(live) = table.upgrade() {
            ids.iter().for_each(|id| live.leave(id, self.ssl));
        }
        ids
    }
}

/// The id for a session that OpenSSL is about to make, around 16 random bytes; none where there is no host.
pub fn new_id(ssl: &SslRef, mut nonce: [u8; 16]) -> Option<SessionId> {
    let site = tls::site(ssl)?;
    let host = site.host.upgrade()?;
    if let Some(generator) = &site.id_nonce {
        generator(&mut nonce);
    }
    if let Some(bound) = refused_early_data(ssl) {
        tls::allow_early_data(ssl, bound);
    }
    Some(host.keyring.id(nonce, host.now()))
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

/// Once: what the connection refuses is decided by the time that it makes a session.
fn refused_early_data(ssl: &SslRef) -> Option<u32> {
    let connection = tls::connection(ssl)?;
    let mut state = connection.state.lock();
    state.handshake.as_mut()?.refused_early_data.take()
}

/// Whether 0-RTT data may be accepted: with the session that was handed to OpenSSL, which this handshake has taken out
/// of the store.
///
/// OpenSSL asks for it by `SSL_CTX_set_allow_early_data_cb`, which the host takes. An embedder that sets a callback of
/// its own over the host's asks here, and answers 0 where this is false.
pub fn allows_early_data(ssl: &SslRef) -> bool {
    handed(ssl).is_some_and(|handed| handed.early_data)
}

fn handed(ssl: &SslRef) -> Option<Arc<Handed>> {
    let connection = tls::connection(ssl)?;
    let state = connection.state.lock();
    state.handshake.as_ref()?.handed.clone()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn an_address_is_written_as_everywhere_else() {
        let ipv4 = [0, 7, 42, 99, 100, 255].map(|octet| IpAddr::from([octet, 0, 255 - octet, 10]));
        for address in ipv4.into_iter().chain([Ipv6Addr::LOCALHOST.into()]) {
            assert_eq!(in_text(address), address.to_string());
        }
    }
}
