//! A session is made: its id, its ticket, new_cb.

use openssl::{
    ssl::{SslRef, SslSessionRef},
    x509::X509VerifyResult,
};
use reprise_session::session::{Secret, SessionId};

use super::{connection::State, ex_data, site::Site, switches};
use crate::{
    facts::{ClientCertificate, Encoded, Here, Made, SessionFacts, TLS13, Ticket, Unencoded},
    tls::{certificate, prototype, sessions, ssl},
};

/// A session that is kept, until OpenSSL calls new_cb with it.
pub struct Pending {
    id: SessionId,
    /// None where the session was not complete when it was decided about.
    der: Option<Secret>,
    most: usize,
    decoded_wanted: bool,
}

/// The id for a session that OpenSSL is about to make, around 16 random bytes; none where there is no handler, or it has no key.
pub fn new_id(ssl: &SslRef, mut nonce: [u8; 16]) -> Option<SessionId> {
    let site = Site::of(ssl)?;
    if let Some(generator) = &site.id_nonce {
        generator(&mut nonce);
    }
    // What the connection refuses is decided by the time that it makes a session.
    let refused = |state: &mut State| state.running.as_mut()?.refused_early_data.take();
    if let Some(bound) = ex_data::of(ssl).and_then(|connection| refused(&mut connection.state.lock())) {
        ssl::allow_early_data(ssl, bound);
    }
    if site.is_guest { id_in_advance(ssl, &site, nonce) } else { site.handler.new_id(nonce) }
}

/// The same where we are a guest. The id of a TLS 1.3 session comes just before its ticket is written, and we have no other callback
/// there: what [`announce`] asks is asked here.
fn id_in_advance(ssl: &SslRef, site: &Site, nonce: [u8; 16]) -> Option<SessionId> {
    let connection = ex_data::of(ssl)?;
    let mut state = connection.state.lock();
    // A connection that is left alone has ids that are nobody's.
    let running = state.running.as_mut()?;
    if ssl::version(ssl) != TLS13 {
        return site.handler.new_id(nonce);
    }
    let renewal = running.handed.as_mut().filter(|_| ssl::resumed(ssl)).and_then(|handed| handed.renewal.take());
    let id = renewal.as_ref().map(|renewal| renewal.id).or_else(|| site.handler.new_id(nonce))?;
    let session = ssl.session()?;
    follow_switch(ssl, site, &mut state);
    let facts = facts(ssl, session, &state, id.as_bytes());
    let ticket = match renewal.filter(|renewal| renewal.is_of(&facts)) {
        Some(renewal) => renewal.ticket,
        None => state.handshakes(ssl)?.ticket(&facts),
    };
    let pending = match ticket {
        Ticket::Kept { id, lifetime, most, decoded_wanted } => {
            sessions::set_timeout(session, i64::try_from(lifetime).unwrap_or(i64::MAX).max(1));
            Some(Pending { id, der: None, most, decoded_wanted })
        }
        Ticket::Withheld => {
            // The ticket goes out; a client discards one of this lifetime (RFC 8446 section 4.6.1).
            sessions::set_timeout(session, 0);
            None
        }
    };
    state.announced = Some((id, pending));
    Some(id)
}

/// TLS 1.3 is about to write a ticket: whether its session is kept. If so, the session's timeout, which the ticket
/// tells the client, is what its terms leave it. What is decided here is not asked again in new_cb, which OpenSSL calls
/// once the ticket is written.
///
/// For the generate callback only: the session has its id and is nobody else's yet. In TLS 1.2 there are no tickets.
pub fn announce(ssl: &SslRef) -> bool {
    if ssl::version(ssl) != TLS13 {
        return true;
    }
    let (Some(connection), Some(session)) = (ex_data::of_or_new(ssl), ssl.session()) else { return false };
    let mut state = connection.state.lock();
    let pending = ask(ssl, session, &mut state, Written::NotYet);
    let kept = pending.is_some();
    state.announced = session.id().try_into().ok().map(|id| (id, pending));
    kept
}

/// new_cb: OpenSSL has made a session. Hands it over, if it is kept.
pub fn keep(ssl: &SslRef, session: &SslSessionRef) {
    let Some(connection) = ex_data::of_or_new(ssl) else { return };
    if ssl::version(ssl) == TLS13 {
        ssl::make_stateful(ssl);
    }
    let mut state = connection.state.lock();
    let announced = state.announced.take();
    let pending = match announced.filter(|(id, _)| id.as_bytes() == session.id()) {
        // None where the ticket could not be left out; see `ssl::withhold_ticket`.
        Some((_, pending)) => pending,
        // TLS 1.2, or somebody replaced the generate callback.
        None => ask(ssl, session, &mut state, Written::Already),
    };
    let Some(Pending { id, der, most, decoded_wanted }) = pending else { return };
    let der = match der.map_or_else(|| encode(session, most), Ok) {
        Ok(der) => der,
        Err(why) => {
            if let Some(handshakes) = state.handshakes(ssl) {
                handshakes.made(Made { id, encoding: Err(why) });
            }
            return;
        }
    };
    // Taken now: once the connection has ended uncleanly, OpenSSL marks the session, and duplicates of it, as not resumable.
    let decoded = if decoded_wanted { prototype::prototype_of(session) } else { None };
    if let Some(handshakes) = state.handshakes(ssl) {
        handshakes.made(Made { id, encoding: Ok(Encoded { der, decoded }) });
        connection.enter(&mut state, id);
    }
}

/// Whether a session's ticket is written. In TLS 1.2 there is none to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    NotYet,
    Already,
}

/// Asks whether a session is kept, and encodes it if so.
fn ask(ssl: &SslRef, session: &SslSessionRef, state: &mut State, written: Written) -> Option<Pending> {
    if let Some(site) = Site::of(ssl).filter(|site| site.is_guest) {
        follow_switch(ssl, &site, state);
    }
    let facts = facts(ssl, session, state, session.id());
    let handshakes = state.handshakes(ssl)?;
    let Ticket::Kept { id, lifetime, most, decoded_wanted } = handshakes.ticket(&facts) else { return None };
    if written == Written::NotYet {
        sessions::set_timeout(session, i64::try_from(lifetime).unwrap_or(i64::MAX).max(1));
    }
    match encode(session, most) {
        Ok(der) => Some(Pending { id, der: Some(der), most, decoded_wanted }),
        Err(why) => {
            handshakes.made(Made { id, encoding: Err(why) });
            None
        }
    }
}

/// A program has switched the connection to another context, which is where the session made belongs.
fn follow_switch(ssl: &SslRef, site: &Site, state: &mut State) {
    let State { running: Some(running), handler: Some(handled), peer, .. } = state else { return };
    let there = site.place_now(ssl, &running.hooked.listener);
    let Some(expected) = &mut running.expected else { return };
    running.context = ssl::context(ssl);
    if expected.place.as_ref().is_some_and(|expected| expected.is(&there)) {
        return;
    }
    switches::learn(expected.name, &there);
    running.here = Some(Here { place: there.place.clone(), verify_mode: there.verify_mode });
    expected.place = Some(there);
    handled.handshakes.hello(&running.facts(*peer, None), None);
}

fn encode(session: &SslSessionRef, most: usize) -> Result<Secret, Unencoded> {
    let der = Secret::new(session.to_der().map_err(|_| Unencoded::Unreadable)?);
    if der.len() > most { Err(Unencoded::TooLarge(der.len())) } else { Ok(der) }
}

fn facts(ssl: &SslRef, session: &SslSessionRef, state: &State, id: &[u8]) -> SessionFacts {
    let (version, resumed) = (sessions::version(session), ssl::resumed(ssl));
    // TLS 1.2 makes one session in a full handshake; TLS 1.3 one for each ticket, and one ticket in a resumption.
    let several = version == TLS13 && !resumed;
    let known = state.running.as_ref().and_then(|running| running.handed.as_ref()?.certificate.as_deref());
    let (mut certificate, mut chain) = (peer_certificate(ssl, session, known.filter(|_| resumed)), None);
    if certificate != ClientCertificate::None
        && let Some(verified) = ssl.verified_chain()
    {
        match certificate::chain(verified) {
            Ok(verified) => chain = Some(verified),
            Err(_) => certificate = ClientCertificate::Unreadable,
        }
    }
    SessionFacts {
        id: id.to_vec(),
        version,
        cipher_suite: sessions::cipher_suite(session),
        extended_master_secret: ssl::extended_master_secret_enabled(ssl),
        alpn: alpn(ssl, session),
        resumed,
        switched: state.switched(ssl),
        expected: if several { ssl::tickets(ssl).max(1) } else { 1 },
        certificate,
        chain,
    }
}

/// The client's certificate as facts. Read anew for every session, so that post-handshake authentication shows; of the
/// session resumed where it is still that one, which `known` is the SHA-256 of.
fn peer_certificate(ssl: &SslRef, session: &SslSessionRef, known: Option<&[u8]>) -> ClientCertificate {
    let Some(certificate) = sessions::peer_certificate(session) else { return ClientCertificate::None };
    if let Some(known) = known {
        match certificate::fingerprint(&certificate) {
            Ok(fingerprint) if fingerprint == known => return ClientCertificate::OfResumed,
            Ok(_) => {}
            Err(_) => return ClientCertificate::Unreadable,
        }
    }
    let verified = ssl.verify_result() == X509VerifyResult::OK;
    match certificate::facts(&certificate, verified) {
        Ok(facts) => ClientCertificate::Own(Box::new(facts)),
        Err(_) => ClientCertificate::Unreadable,
    }
}

/// TLS 1.3 keeps it in the session; in TLS 1.2 it is the connection's.
fn alpn(ssl: &SslRef, session: &SslSessionRef) -> Option<String> {
    let selected = sessions::alpn(session).or_else(|| ssl.selected_alpn_protocol())?;
    std::str::from_utf8(selected).ok().map(str::to_owned)
}
