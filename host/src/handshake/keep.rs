//! A session was made. The policies, then the host's maxima, then the store: in TLS 1.3 the first two before its ticket
//! is written.

use std::{fmt, sync::Arc};

use openssl::ssl::{SslRef, SslSessionRef};
use reprise_policy::policy::{
    Callback, NewDecision, Notes, Objection,
    wit::types::{Certificate, Priority, Reach},
};
use reprise_session::session::{Miss, Record, Secret, SessionId};
use reprise_store::store::{Entry, Scope};

use super::{
    Connection, Handshake, State,
    look_up::{TLS13, extended_master_secret, tls_version},
};
use crate::{
    callbacks::{LiveSession, certificate, sessions, tls},
    host::Inner,
};

/// Why a new session was not kept. Its connection goes on; the client's next one starts with a full handshake.
#[derive(Clone, Debug, PartialEq)]
pub enum NotKept {
    /// The connection cannot say where it belongs; the reason is that of its own resumption.
    Here(Miss),
    /// Its id was not made by this host: somebody replaced the id generator.
    ForeignId,
    /// It descends from a session that this host did not hand out, e.g. an external PSK.
    UnknownLineage,
    /// OpenSSL could not give a fact of it, or encode it.
    Unreadable,
    /// A policy refused it, or failed.
    Policy(Objection),
    /// Nothing is left of its absolute lifetime, or of its client certificate's validity.
    Lifetime,
    /// An operator revoked what it descends from.
    Revoked,
    /// It takes more bytes than a session may.
    TooLarge(usize),
    /// It is to stay on this node, and no store does.
    Reach,
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotKept::Here(miss) => write!(f, "{miss}"),
            NotKept::ForeignId => f.write_str("foreign-id"),
            NotKept::UnknownLineage => f.write_str("unknown-lineage"),
            NotKept::Unreadable => f.write_str("unreadable"),
            NotKept::Policy(Objection { policy, failure: None }) => write!(f, "policy: {policy}"),
            NotKept::Policy(Objection { policy, failure: Some(failure) }) => {
                write!(f, "policy-failed: {policy}: {}", failure.as_str())
            }
            NotKept::Lifetime => f.write_str("lifetime"),
            NotKept::Reach => f.write_str("reach"),
            NotKept::Revoked => f.write_str("revoked"),
            NotKept::TooLarge(bytes) => write!(f, "too-large: {bytes} bytes"),
        }
    }
}

/// A session that is kept: only the store has yet to be given it.
pub struct Ready {
    id: SessionId,
    record: Arc<Record>,
    entry: Entry,
    now: u64,
}

/// TLS 1.3 is about to write a ticket: whether its session is kept. If so, the session's timeout, which the ticket
/// tells the client, is what its terms leave it. What is decided here is not asked again in new_cb, which OpenSSL calls
/// once the ticket is written.
///
/// For the generate callback only: the session has its id and is nobody else's yet. In TLS 1.2 there are no tickets.
pub fn announce(ssl: &SslRef) -> bool {
    if tls::version(ssl) != TLS13 {
        return true;
    }
    let (Some(connection), Some(session)) = (tls::connection_or_new(ssl), ssl.session()) else { return false };
    let mut state = connection.state.lock();
    let ready = outcome(ssl, session, &mut state, Ticket::Unwritten).map_err(|reason| state.not_kept(reason)).ok();
    let kept = ready.is_some();
    if let (Some(handshake), Ok(id)) = (&mut state.handshake, session.id().try_into()) {
        handshake.kept.announced = Some((id, ready));
    }
    kept
}

/// new_cb: OpenSSL has made a session. Stores it, if it is kept.
pub fn keep(ssl: &SslRef, session: &SslSessionRef) {
    let Some(connection) = tls::connection_or_new(ssl) else { return };
    if tls::version(ssl) == TLS13 {
        tls::make_stateful(ssl);
    }
    let mut state = connection.state.lock();
    let announced = state.handshake.as_mut().and_then(|handshake| handshake.kept.announced.take());
    let outcome = match announced.filter(|(id, _)| id.as_bytes() == session.id()) {
        Some((_, Some(ready))) => Ok(ready),
        // The ticket could not be left out; see `tls::withhold_ticket`.
        Some((_, None)) => return,
        // TLS 1.2, or somebody replaced the generate callback.
        None => outcome(ssl, session, &mut state, Ticket::Written),
    };
    match outcome {
        Ok(ready) => state.store(&connection, ready),
        Err(reason) => state.not_kept(reason),
    }
}

impl State {
    fn not_kept(&mut self, reason: NotKept) {
        tracing::debug!(%reason, "a new session is not kept");
        match &mut self.handshake {
            Some(handshake) => handshake.kept.not_kept = Some(reason),
            None => self.unhooked.1 = Some(reason),
        }
    }

    fn store(&mut self, connection: &Connection, ready: Ready) {
        let Some(handshake) = &mut self.handshake else { return };
        let Some(host) = handshake.host.upgrade() else { return };
        let Ready { id, record, entry, now } = ready;
        host.store.put(id, entry, now);
        handshake.kept.not_kept = None;
        handshake.kept.last = Some((id, record));
        connection.enter(self, &host, id);
    }
}

/// What of a session's ticket can still be said. In TLS 1.2 there is none to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ticket {
    Unwritten,
    Written,
}

/// Decides about a session that OpenSSL has made.
fn outcome(ssl: &SslRef, session: &SslSessionRef, state: &mut State, ticket: Ticket) -> Result<Ready, NotKept> {
    let handshake = state.handshake.as_mut().ok_or(NotKept::Here(Miss::NoHook))?;
    let host = handshake.host.upgrade().ok_or(NotKept::Here(Miss::HostGone))?;
    let outcome = decide(ssl, session, &host, handshake, ticket);
    handshake.kept.decided += 1;
    // TLS 1.2 makes one session in a full handshake; TLS 1.3 one for each ticket, and one ticket in a resumption.
    let several = sessions::version(session) == TLS13 && !tls::resumed(ssl);
    let expected = if several { tls::tickets(ssl).max(1) } else { 1 };
    if handshake.kept.decided >= expected {
        handshake.policies = None;
        // Nothing is looked up any more, and candidates hold secrets.
        handshake.lookups.clear();
    }
    outcome
}

fn decide(
    ssl: &SslRef,
    session: &SslSessionRef,
    host: &Arc<Inner>,
    handshake: &mut Handshake,
    ticket: Ticket,
) -> Result<Ready, NotKept> {
    let border = handshake.border.clone().map_err(NotKept::Here)?;
    // A switch after the hook, in a server-name callback, comes after OpenSSL has looked for a session: what is kept here
    // could not be refused there.
    if tls::context(ssl) != handshake.context {
        return Err(NotKept::Here(Miss::SwitchedAfterHook));
    }
    let id = host.keyring.recognise(session.id()).ok_or(NotKept::ForeignId)?;
    let now = host.now();
    let mut record = Record {
        border,
        version: tls_version(sessions::version(session)).ok_or(NotKept::Unreadable)?,
        cipher_suite: sessions::cipher_suite(session).ok_or(NotKept::Unreadable)?,
        extended_master_secret: extended_master_secret(ssl, handshake),
        alpn: alpn(ssl, session),
        authenticated: handshake.facts.now,
        expires: 0,
        resumptions: 0,
        peer_certificate: None,
        chain: None,
        notes: Notes::new(),
        der: Secret::default(),
    };
    let (mut known, mut renews, mut since) = (None, None, None);
    if tls::resumed(ssl) {
        let origin = Connection::resumed(ssl, handshake).ok_or(NotKept::UnknownLineage)?;
        record.authenticated = origin.record.authenticated;
        record.resumptions = origin.resumptions;
        record.notes = origin.record.notes.clone();
        record.chain = origin.record.chain.clone();
        known = origin.record.peer_certificate.clone();
        renews = Some(origin.id);
        since = origin.since;
    }
    record.peer_certificate = peer_certificate(ssl, session, known)?;
    // What this very connection has verified; else what the session resumed rests on.
    if let Some(verified) = ssl.verified_chain() {
        record.chain = Some(certificate::chain(verified).map_err(|_| NotKept::Unreadable)?);
    }
    if record.peer_certificate.is_none() {
        record.chain = None;
    }
    record.expires = host.limits.furthest(&record);
    if record.expires <= now {
        return Err(NotKept::Lifetime);
    }
    if host.revocations.in_force.revokes(&record) {
        return Err(NotKept::Revoked);
    }
    let terms = ask(host, handshake, &id, &record)?;
    let reach = terms.reach.unwrap_or(Reach::Fleet);
    if reach == Reach::Node && host.store.scope() == Scope::Fleet {
        return Err(NotKept::Reach);
    }
    let lifetime = terms.lifetime.map_or(host.limits.lifetime, u64::from);
    record.expires = record.expires.min(now.saturating_add(lifetime));
    record.notes = terms.notes;
    // Again, for the notes are others, and it may have been revoked while policies were asked.
    if host.revocations.in_force.revokes(&record) {
        return Err(NotKept::Revoked);
    }
    if ticket == Ticket::Unwritten {
        let remains = record.expires.saturating_sub(now);
        sessions::set_timeout(session, i64::try_from(remains).unwrap_or(i64::MAX).max(1));
    }
    record.der = Secret::new(session.to_der().map_err(|_| NotKept::Unreadable)?);
    let bytes = record.encode().map_err(|_| NotKept::Unreadable)?;
    if bytes.len() > host.limits.max_entry {
        return Err(NotKept::TooLarge(bytes.len()));
    }
    // Where decoding is dear, or likely to be needed: a client that resumed comes back, and does so with this session. The
    // private duplicate is taken now: once the connection has ended uncleanly, OpenSSL marks the session, and duplicates of
    // it, as not resumable.
    let worth_a_prototype = record.peer_certificate.is_some() || renews.is_some();
    record.der = Secret::default();
    let record = Arc::new(record);
    let prototype = if worth_a_prototype { LiveSession::prototype_of(session, record.clone()) } else { None };
    let entry = Entry {
        record: bytes,
        expires: record.expires,
        single_use: terms.single_use.unwrap_or(false),
        renews,
        since,
        priority: terms.priority.unwrap_or(Priority::Normal),
        reach,
        prototype,
    };
    Ok(Ready { id, record, entry, now })
}

fn ask(
    host: &Arc<Inner>,
    handshake: &mut Handshake,
    id: &SessionId,
    record: &Record,
) -> Result<reprise_policy::policy::Terms, NotKept> {
    // Given back when the handshake's last session was decided; post-handshake authentication makes more, under the
    // policies of its own time.
    if handshake.policies.is_none() {
        handshake.policies = host.policies();
        handshake.budget = reprise_policy::policy::Budget::new(host.limits.policy_budget);
    }
    let Some(policies) = &handshake.policies else { return Err(NotKept::Here(Miss::Forked)) };
    let facts = handshake.session_facts(id, record, 0);
    let (decision, asked) = policies.decide_new(&mut handshake.budget, &handshake.facts, &facts, &record.notes);
    host.decisions.tell(|| handshake.decision(Callback::New, id, &asked));
    handshake.kept.asked_new = asked;
    match decision {
        NewDecision::Keep(terms) => Ok(terms),
        NewDecision::Refuse(objection) => Err(NotKept::Policy(objection)),
    }
}

/// The client's certificate as facts. Read anew for every session, so that post-handshake authentication shows; taken from
/// the session resumed where it is still that one.
fn peer_certificate(
    ssl: &SslRef,
    session: &SslSessionRef,
    known: Option<Certificate>,
) -> Result<Option<Certificate>, NotKept> {
    let Some(certificate) = sessions::peer_certificate(session) else { return Ok(None) };
    if let Some(known) = known {
        let fingerprint = certificate::fingerprint(&certificate).map_err(|_| NotKept::Unreadable)?;
        if fingerprint == known.sha256 {
            return Ok(Some(known));
        }
    }
    let verified = ssl.verify_result() == openssl::x509::X509VerifyResult::OK;
    certificate::facts(&certificate, verified).map(Some).map_err(|_| NotKept::Unreadable)
}

/// TLS 1.3 keeps it in the session; in TLS 1.2 it is the connection's.
fn alpn(ssl: &SslRef, session: &SslSessionRef) -> Option<String> {
    let selected = sessions::alpn(session).or_else(|| ssl.selected_alpn_protocol())?;
    std::str::from_utf8(selected).ok().map(str::to_owned)
}
