//! get_cb: a client offers a session. The store, then the host's invariants, then the policies; each can only say no.
//! What is to be consumed is taken out of the store once it passed the invariants (see `take`).

use std::{sync::Arc, task::Waker};

use openssl::ssl::{SslRef, SslSession};
use reprise_policy::policy::{
    Callback, GetDecision,
    wit::types::{Session, TlsVersion},
};
use reprise_session::session::{Miss, Prototype, Record, Secret, SessionId};
use reprise_store::{
    revocation::ALLOWANCE,
    store::{Answer, FetchError, Found},
};
use zeroize::Zeroizing;

use super::{
    Connection, Handed, Handshake, State,
    ahead::{Lookup, Question},
    removal,
};
use crate::{
    callbacks::{LiveSession, Site, sessions, tls},
    host::Inner,
};

/// What came of looking up one candidate, kept for the rest of the handshake: it is neither consumed nor judged twice.
pub type Judgement = Result<Candidate, Miss>;

/// A candidate that resumes.
pub struct Candidate {
    /// Why not, if it is handed over so that OpenSSL ends the handshake.
    handed: Result<Arc<Handed>, Miss>,
    id: SessionId,
    record: Arc<Record>,
    encoding: Encoding,
}

/// A session as OpenSSL can have it.
struct Encoding {
    /// Where there is no prototype. Kept apart from the facts, which last as long as the connection.
    der: Secret,
    prototype: Option<Prototype>,
}

/// A candidate that belongs here.
pub struct Examined {
    pub id: SessionId,
    pub record: Arc<Record>,
    der: Secret,
    /// What the store gave out.
    pub found: Found,
}

/// The session offered as `offered`, fresh, if it resumes here; else a full handshake, and the reason is kept.
pub fn look_up(ssl: &SslRef, offered: &[u8]) -> Option<SslSession> {
    let connection = tls::connection_or_new(ssl)?;
    let mut state = connection.state.lock();
    let State { handshake, waker, .. } = &mut *state;
    let Some(handshake) = handshake.as_mut() else {
        tracing::debug!(reason = %Miss::NoHook, "an offered session does not resume");
        state.unhooked.0 = Some(Miss::NoHook);
        return None;
    };
    let host = handshake.host.upgrade();
    let found = match &host {
        None => Err(Miss::HostGone),
        Some(host) => resume(ssl, host, handshake, waker.as_ref(), offered),
    };
    match found {
        Ok((id, session)) => {
            if let Some(host) = &host {
                connection.enter(&mut state, host, id);
            }
            Some(session)
        }
        Err(miss) => {
            tracing::debug!(reason = %miss, "an offered session does not resume");
            handshake.kept.miss = Some(miss);
            None
        }
    }
}

fn resume(
    ssl: &SslRef,
    host: &Inner,
    handshake: &mut Handshake,
    waker: Option<&Waker>,
    offered: &[u8],
) -> Result<(SessionId, SslSession), Miss> {
    if let Err(miss) = &handshake.border {
        return Err(miss.clone());
    }
    if tls::context(ssl) != handshake.context {
        return Err(Miss::SwitchedAfterHook);
    }
    let id = host.keyring.recognise(offered).ok_or(Miss::ForeignId)?;
    let version = tls_version(tls::version(ssl));
    let until = handshake.deadline(host);
    loop {
        handshake.lookup(host, id)?.finish(waker, until);
        if !handshake.takes(ssl, host, id, version) {
            break;
        }
    }
    let lookup = handshake.lookup(host, id)?;
    let judged_before = matches!(lookup, Lookup::Judged(_));
    if !judged_before {
        let lookup = std::mem::replace(lookup, Lookup::Judged(Err(Miss::Internal)));
        let judged = judge(ssl, host, handshake, id, lookup);
        *handshake.lookup(host, id)? = Lookup::Judged(judged);
    }
    let Some((_, Lookup::Judged(judged))) = handshake.lookups.iter().find(|(seen, _)| *seen == id) else {
        return Err(Miss::Internal);
    };
    let candidate = judged.as_ref().map_err(Clone::clone)?;
    // A HelloRetryRequest came between, and the embedder may have switched the context since.
    if judged_before {
        check(ssl, handshake, &candidate.record, host.now(), version)?;
    }
    // Policies were asked since it was checked.
    if host.revocations.in_force.revokes(&candidate.record) {
        return Err(Miss::Revoked);
    }
    let session = candidate.fresh()?;
    let handed = match &candidate.handed {
        Ok(handed) => handed,
        Err(why) => {
            // Before it resumes anything, OpenSSL finds that too, and ends the handshake.
            sessions::spoil(&session).map_err(|_| Miss::Internal)?;
            handshake.kept.miss = Some(why.clone());
            return Ok((id, session));
        }
    };
    if !handed.early_data && tls::early_data_enabled(ssl) {
        handshake.refused_early_data = Some(tls::refuse_early_data(ssl));
    }
    handshake.handed = Some(handed.clone());
    Ok((id, session))
}

/// Decides whether a candidate resumes. Once for each id of a handshake.
fn judge(ssl: &SslRef, host: &Inner, handshake: &mut Handshake, id: SessionId, lookup: Lookup) -> Judgement {
    let version = tls_version(tls::version(ssl));
    let examined = match lookup {
        Lookup::Answered { asked, question: Question::Look, answer } => {
            examine(ssl, host, handshake, id, (asked, answer), version)?
        }
        // By then the version was not known.
        Lookup::Examined(examined) => {
            check(ssl, handshake, &examined.record, host.now(), version)?;
            *examined
        }
        Lookup::Judged(judged) => return judged,
        Lookup::Pending { .. } | Lookup::Answered { .. } => return Err(Miss::Internal),
    };
    // Whatever came before: what was not taken may be offered again.
    let ends = loses_extended_master_secret(ssl, handshake, &examined.record);
    if examined.found.single_use && !examined.found.consumed && !ends {
        return Err(Miss::Internal);
    }
    decide(host, handshake, examined, ends)
}

/// Whether the session that a store says it has, asked at that time, belongs here. The version is none before it is
/// known, if it is not TLS 1.3.
pub fn examine(
    ssl: &SslRef,
    host: &Inner,
    handshake: &Handshake,
    id: SessionId,
    (now, answer): (u64, Answer),
    version: Option<TlsVersion>,
) -> Result<Examined, Miss> {
    let found = found(&id, answer)?;
    let (mut record, der) = match found.prototype.as_ref().and_then(Prototype::record) {
        Some(record) => (record.clone(), Secret::default()),
        None => decode(&id, &found)?,
    };
    // A node that shares the store may have had another clock, and other maxima.
    let end = found.remaining.map_or(u64::MAX, |remaining| now.saturating_add(remaining));
    if end < record.expires {
        Arc::make_mut(&mut record).expire_by(end);
    }
    let furthest = host.limits.furthest(&record);
    if furthest < record.expires {
        Arc::make_mut(&mut record).expires = furthest;
    }
    if host.revocations.in_force.revokes(&record) {
        removal::queue_revoked(host, id, found);
        return Err(Miss::Revoked);
    }
    check(ssl, handshake, &record, now, version)?;
    Ok(Examined { id, record, der, found })
}

/// What a store has found.
pub fn found(id: &SessionId, answer: Answer) -> Result<Found, Miss> {
    answer
        .map_err(|error| match error {
            // The guard in front of the store says once when it is down; these come with every handshake.
            FetchError::Unavailable(error) => {
                tracing::debug!(session = %id, %error, "a lookup failed; the handshake goes on in full");
                Miss::StoreUnavailable
            }
            FetchError::Unsealable(why) => {
                tracing::warn!(session = %id, "what the store has is {why}; the handshake goes on in full");
                Miss::Unsealable(why)
            }
        })?
        .ok_or(Miss::NotFound)
}

/// Asks the policies about a session that belongs here. What they consent to resumes, or `ends` the handshake.
fn decide(host: &Inner, handshake: &mut Handshake, examined: Examined, ends: bool) -> Judgement {
    let consent = ask(host, handshake, &examined.id, &examined.record, examined.found.fetches)?;
    if ends {
        return Ok(Candidate::that_ends_it(examined, Miss::ExtendedMasterSecret));
    }
    let Examined { id, record, der, found } = examined;
    // Only what this look-up took out of the store is good for 0-RTT: no other node takes it again.
    let early_data = consent && (found.consumed || !handshake.hello.early_data);
    keep_prototype(host, &id, &record, &der, &found);
    let resumptions = if record.version == TlsVersion::Tls13 { record.resumptions + 1 } else { found.fetches + 1 };
    let handed = Ok(Arc::new(Handed { id, record: record.clone(), resumptions, since: found.since, early_data }));
    Ok(Candidate { handed, id, record, encoding: Encoding { der, prototype: found.prototype } })
}

/// A record, and apart from it the session's encoding.
fn decode(id: &SessionId, found: &Found) -> Result<(Arc<Record>, Secret), Miss> {
    let mut record = Record::decode(&found.record).map_err(|error| {
        tracing::warn!(session = %id, %error, "a stored session does not decode; the handshake goes on in full");
        Miss::Undecodable
    })?;
    let der = std::mem::take(&mut record.der);
    Ok((Arc::new(record), der))
}

/// The host's invariants: what no policy can talk it out of.
fn check(
    ssl: &SslRef,
    handshake: &Handshake,
    record: &Record,
    now: u64,
    version: Option<TlsVersion>,
) -> Result<(), Miss> {
    let here = handshake.border.as_ref().map_err(Clone::clone)?;
    record.border.check(here)?;
    if version.map_or(record.version == TlsVersion::Tls13, |version| version != record.version) {
        return Err(Miss::Protocol);
    }
    if !handshake.hello.offers_cipher(record.cipher_suite) || !tls::enables_cipher(ssl, record.cipher_suite) {
        return Err(Miss::Cipher);
    }
    if record.version != TlsVersion::Tls13
        && record.extended_master_secret != extended_master_secret(ssl, handshake)
        && !loses_extended_master_secret(ssl, handshake, record)
    {
        return Err(Miss::ExtendedMasterSecret);
    }
    if !record.certificates_are_valid(now) {
        return Err(Miss::CertificateExpired);
    }
    let lists_are_current = |site: Arc<Site>| site.revocation_lists.are_current(record.chain.as_ref(), now);
    if record.peer_certificate.is_some() && !tls::site(ssl).is_some_and(lists_are_current) {
        return Err(Miss::CrlExpired);
    }
    // One of a time to come was made before the clock was set back and the process started anew; it would end that much
    // later.
    if record.expires <= now || record.authenticated > now.saturating_add(ALLOWANCE) {
        return Err(Miss::Expired);
    }
    Ok(())
}

/// Asks the policies; whether 0-RTT may be accepted.
fn ask(host: &Inner, handshake: &mut Handshake, id: &SessionId, record: &Record, fetches: u32) -> Result<bool, Miss> {
    let Some(policies) = &handshake.policies else { return Err(Miss::Forked) };
    let candidate = handshake.session_facts(id, record, fetches);
    let (decision, asked) = policies.decide_get(&mut handshake.budget, &handshake.facts, &candidate, &record.notes);
    host.decisions.tell(|| handshake.decision(Callback::Get, id, &asked));
    handshake.kept.asked_get = asked;
    match decision {
        GetDecision::Resume { early_data } => Ok(early_data),
        GetDecision::FullHandshake(objection) => Err(match objection.failure {
            None => Miss::Policy(objection.policy),
            Some(failure) => Miss::PolicyFailed(objection.policy, failure),
        }),
    }
}

/// Gives the store a prototype of a session that is looked up often, if it wants one.
fn keep_prototype(host: &Inner, id: &SessionId, record: &Arc<Record>, der: &[u8], found: &Found) {
    if !found.wants_prototype || found.consumed {
        return;
    }
    if let Ok(session) = SslSession::from_der(der) {
        host.store.keep_prototype(id, LiveSession::prototype(session, record.clone()));
    }
}

impl Candidate {
    /// Whoever offers this one has not its secret, or offers it as it must not be. OpenSSL is to find that out, and ends the
    /// handshake as RFC 8446 section 4.2.11 or RFC 7627 section 5.3 wants it; but a session that was not taken is not given away,
    /// not even for that.
    pub fn that_ends_it(examined: Examined, why: Miss) -> Self {
        let Examined { id, record, der, found } = examined;
        Self { handed: Err(why), id, record, encoding: Encoding { der, prototype: found.prototype } }
    }

    /// A fresh session for OpenSSL: its own timeout ends when ours does, its time is as it was.
    fn fresh(&self) -> Result<SslSession, Miss> {
        let session = match &self.encoding.prototype {
            Some(prototype) => LiveSession::duplicate(prototype),
            None => decode_session(&self.id, &self.encoding.der),
        }
        .ok_or(Miss::Undecodable)?;
        let expires = i64::try_from(self.record.expires).unwrap_or(i64::MAX);
        sessions::set_timeout(&session, expires.saturating_sub(sessions::time(&session)).max(1));
        Ok(session)
    }
}

impl Examined {
    /// The session's secret; in TLS 1.3 the PSK.
    pub fn secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.found.prototype {
            Some(prototype) => LiveSession::secret(prototype),
            None => decode_session(&self.id, &self.der).map(|session| sessions::secret(&session)),
        }
    }
}

fn decode_session(id: &SessionId, der: &[u8]) -> Option<SslSession> {
    SslSession::from_der(der)
        .inspect_err(|error| tracing::warn!(session = %id, %error, "OpenSSL does not take a stored session"))
        .ok()
}

/// Whether a TLS 1.2 session has an extended master secret, and the client offers it without. It must not be resumed, and if it would be
/// but for that, the handshake must end (RFC 7627 section 5.3). Where this server does without them, the client is not to blame.
pub fn loses_extended_master_secret(ssl: &SslRef, handshake: &Handshake, record: &Record) -> bool {
    record.version != TlsVersion::Tls13
        && record.extended_master_secret
        && !handshake.hello.extended_master_secret
        && tls::extended_master_secret_enabled(ssl)
}

/// Whether this connection would use an extended master secret in TLS 1.2. `SSL_get_extms_support` does not know yet.
pub fn extended_master_secret(ssl: &SslRef, handshake: &Handshake) -> bool {
    handshake.hello.extended_master_secret && tls::extended_master_secret_enabled(ssl)
}

/// TLS 1.3's wire number.
pub const TLS13: i32 = 0x0304;

/// A wire number as a version of the interface.
pub fn tls_version(wire: i32) -> Option<TlsVersion> {
    match wire {
        0x0301 => Some(TlsVersion::Tls10),
        0x0302 => Some(TlsVersion::Tls11),
        0x0303 => Some(TlsVersion::Tls12),
        TLS13 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

impl Handshake {
    /// The facts of a session that belongs where this handshake does: the site is the same, which the border sees to.
    ///
    /// Each policy is shown its own note. Where there is only one, it is in there already, which saves a copy of the facts.
    pub(super) fn session_facts(&self, id: &SessionId, record: &Record, fetches: u32) -> Session {
        let note = if let [(_, note)] = record.notes.as_slice() { Some(note.clone()) } else { None };
        Session { attributes: self.facts.attributes.clone(), note, ..record.facts(id, fetches) }
    }
}

impl Connection {
    /// The candidate that OpenSSL resumed, if it resumed one that it was handed here.
    pub(super) fn resumed(ssl: &SslRef, handshake: &Handshake) -> Option<Arc<Handed>> {
        tls::resumed(ssl).then(|| handshake.handed.clone()).flatten()
    }
}
