//! get_cb: a client offers a session. The store, then the host's invariants, then the policies; each can only say no.
//! What is to be consumed is taken out of the store once it passed the invariants (see `take`).

use std::{sync::Arc, task::Waker};

use reprise_openssl::{
    facts::{OfferFacts, Resumed, Stored, TLS13},
    secret,
};
use reprise_policy::policy::{
    About, Decided, GetDecision,
    wit::types::{Session, TlsVersion},
};
use reprise_session::session::{Miss, Prototype, Record, Secret, SessionId};
use reprise_store::{
    revocation::ALLOWANCE,
    store::{Answer, FetchError, Found},
};
use zeroize::Zeroizing;

use super::{
    Connection, Deciding, Handed, Handshake, Here, Now, Phase, Resources, Stage,
    ahead::{Lookup, Question, Search},
    removal,
};

/// What came of looking up one candidate, kept for the rest of the handshake: it is neither consumed nor judged twice.
pub type Judgement = Result<Candidate, Unfit>;

/// A candidate that does not resume: why, and what it is, if it was found.
#[derive(Clone)]
pub struct Unfit {
    pub miss: Miss,
    pub record: Option<Arc<Record>>,
}

impl Unfit {
    pub fn of(miss: Miss, record: Arc<Record>) -> Self {
        Self { miss, record: Some(record) }
    }
}

impl From<Miss> for Unfit {
    fn from(miss: Miss) -> Self {
        Self { miss, record: None }
    }
}

/// A candidate that resumes.
pub struct Candidate {
    /// Why not, if it is handed over so that OpenSSL ends the handshake.
    handed: Result<Arc<Handed>, Miss>,
    id: SessionId,
    pub record: Arc<Record>,
    session: Stored,
    /// The store would have it decoded.
    decoded_wanted: bool,
}

/// A candidate that belongs here.
pub struct Examined {
    pub id: SessionId,
    pub record: Arc<Record>,
    der: Secret,
    /// What the store gave out.
    pub found: Found,
}

impl Connection {
    /// The session offered, if it resumes here; else a full handshake, and the reason is kept.
    pub(super) fn look_up(&mut self, offer: &OfferFacts<'_>, waker: Option<&Waker>) -> Option<Resumed> {
        let resources = self.resources.upgrade();
        let (sought, missed) = match (&mut self.phase, &resources) {
            (Phase::Unheard { miss, .. }, resources) => {
                if let Some(resources) = resources {
                    Self::tell_of_unheard(resources, offer);
                }
                (Err(Miss::NoHook), miss)
            }
            (Phase::Heard(handshake), None) => (Err(Miss::HostGone), &mut handshake.found.miss),
            (Phase::Heard(handshake), Some(resources)) => {
                let sought = resume(resources, handshake, offer, waker);
                handshake.tell_of_offer(resources, offer, sought.as_ref());
                (sought, &mut handshake.found.miss)
            }
        };
        match sought {
            Ok(resumed) => Some(resumed),
            Err(miss) => {
                tracing::debug!(reason = %miss, "an offered session does not resume");
                *missed = Some(miss);
                None
            }
        }
    }
}

fn resume(
    resources: &Resources,
    handshake: &mut Handshake,
    offer: &OfferFacts<'_>,
    waker: Option<&Waker>,
) -> Result<Resumed, Miss> {
    if let Err(miss) = &handshake.border {
        return Err(miss.clone());
    }
    if offer.switched {
        return Err(Miss::SwitchedAfterHook);
    }
    let id = resources.keyring.recognise(offer.id).ok_or(Miss::ForeignId)?;
    let now = Now { version: tls_version(offer.version), able: &offer.able, proof: offer.proof };
    let judged_before = loop {
        let deciding = handshake.deciding()?;
        let until = deciding.deadline(resources);
        let lookup = deciding.lookup(resources, id)?;
        lookup.finish(waker, until);
        let judged = matches!(lookup, Lookup::Judged(_));
        if !handshake.takes(resources, id, now) {
            break judged;
        }
    };
    if !judged_before {
        let lookup = handshake.deciding()?.lookup(resources, id)?;
        let lookup = std::mem::replace(lookup, Lookup::Judged(Err(Miss::Internal.into())));
        let judged = judge(resources, handshake, id, lookup, now);
        *handshake.deciding()?.lookup(resources, id)? = Lookup::Judged(judged);
    }
    let Stage::Deciding(deciding) = &handshake.stage else { return Err(Miss::Internal) };
    let search = deciding.searches.iter().find(|search| search.id == id);
    let Some(Search { lookup: Lookup::Judged(judged), .. }) = search else { return Err(Miss::Internal) };
    let candidate = judged.as_ref().map_err(|unfit| unfit.miss.clone())?;
    // A HelloRetryRequest came between, and the embedder may have switched the context since.
    if judged_before {
        check(handshake, &candidate.record, resources.now(), now)?;
    }
    // Policies were asked since it was checked.
    if resources.revocations.in_force.revokes(&candidate.record) {
        return Err(Miss::Revoked);
    }
    let resumed = candidate.resumed();
    match candidate.handed.clone() {
        Ok(handed) => handshake.found.handed = Some(handed),
        Err(why) => handshake.found.miss = Some(why),
    }
    Ok(resumed)
}

/// Decides whether a candidate resumes. Once for each id of a handshake.
fn judge(resources: &Resources, handshake: &mut Handshake, id: SessionId, lookup: Lookup, now: Now<'_>) -> Judgement {
    let examined = match lookup {
        Lookup::Answered { asked, took, question: Question::Look, answer } => {
            if let Some(place) = handshake.place(id) {
                handshake.heard(place, took, &answer);
            }
            examine(resources, handshake, id, (asked, answer), now)?
        }
        // By then the version was not known.
        Lookup::Examined(examined) => {
            check(handshake, &examined.record, resources.now(), now)
                .map_err(|miss| Unfit::of(miss, examined.record.clone()))?;
            *examined
        }
        Lookup::Judged(judged) => return judged,
        Lookup::Pending { .. } | Lookup::Answered { .. } => return Err(Miss::Internal.into()),
    };
    // Whatever came before: what was not taken may be offered again.
    let ends = handshake.loses_extended_master_secret(&examined.record, now);
    if examined.found.single_use && !examined.found.consumed && !ends {
        return Err(Unfit::of(Miss::Internal, examined.record));
    }
    decide(handshake, examined, ends)
}

/// Whether the session that a store says it has, asked at that time, belongs here.
pub fn examine(
    resources: &Resources,
    handshake: &Handshake,
    id: SessionId,
    (asked, answer): (u64, Answer),
    now: Now<'_>,
) -> Result<Examined, Unfit> {
    let found = found(&id, answer)?;
    let (mut record, der) = match found.prototype.as_ref().and_then(Prototype::record) {
        Some(record) => (record.clone(), Secret::default()),
        None => decode(&id, &found)?,
    };
    // A node that shares the store may have had another clock, and other maxima.
    let end = found.remaining.map_or(u64::MAX, |remaining| asked.saturating_add(remaining));
    if end < record.expires {
        Arc::make_mut(&mut record).expire_by(end);
    }
    let furthest = resources.limits.furthest(&record);
    if furthest < record.expires {
        Arc::make_mut(&mut record).expires = furthest;
    }
    if resources.revocations.in_force.revokes(&record) {
        removal::queue_revoked(resources, id, found);
        return Err(Unfit::of(Miss::Revoked, record));
    }
    if let Err(miss) = check(handshake, &record, asked, now) {
        return Err(Unfit::of(miss, record));
    }
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
fn decide(handshake: &mut Handshake, examined: Examined, ends: bool) -> Judgement {
    let consent = ask(handshake, &examined.id, &examined.record, examined.found.fetches)
        .map_err(|miss| Unfit::of(miss, examined.record.clone()))?;
    if ends {
        return Ok(Candidate::that_ends_it(examined, Miss::ExtendedMasterSecret));
    }
    let Examined { id, record, der, found } = examined;
    // Only what this look-up took out of the store is good for 0-RTT: no other node takes it again.
    let early_data = consent && (found.consumed || !handshake.hello.early_data);
    let resumptions = if record.version == TlsVersion::Tls13 { record.resumptions + 1 } else { found.fetches + 1 };
    let handed = Ok(Arc::new(Handed { id, record: record.clone(), resumptions, since: found.since, early_data }));
    let decoded_wanted = found.wants_prototype && !found.consumed;
    Ok(Candidate { handed, id, record, session: stored(der, found.prototype), decoded_wanted })
}

/// A session as OpenSSL can have it.
fn stored(der: Secret, prototype: Option<Prototype>) -> Stored {
    prototype.map_or_else(|| Stored::Der(Arc::new(der)), Stored::Decoded)
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
fn check(handshake: &Handshake, record: &Record, at: u64, now: Now<'_>) -> Result<(), Miss> {
    let border = handshake.border.as_ref().map_err(Clone::clone)?;
    record.border.check(border)?;
    if now.version.map_or(record.version == TlsVersion::Tls13, |version| version != record.version) {
        return Err(Miss::Protocol);
    }
    if !handshake.hello.offers_cipher(record.cipher_suite) || !now.able.ciphers.contains(record.cipher_suite) {
        return Err(Miss::Cipher);
    }
    if record.version != TlsVersion::Tls13
        && record.extended_master_secret != handshake.extended_master_secret(now.able.extended_master_secret)
        && !handshake.loses_extended_master_secret(record, now)
    {
        return Err(Miss::ExtendedMasterSecret);
    }
    if !record.certificates_are_valid(at) {
        return Err(Miss::CertificateExpired);
    }
    let lists_are_current = |here: &Here| here.place.revocation_lists.are_current(record.chain.as_ref(), at);
    if record.peer_certificate.is_some() && !handshake.here.as_ref().is_some_and(lists_are_current) {
        return Err(Miss::CrlExpired);
    }
    // One of a time to come was made before the clock was set back and the process started anew; it would end that much
    // later.
    if record.expires <= at || record.authenticated > at.saturating_add(ALLOWANCE) {
        return Err(Miss::Expired);
    }
    Ok(())
}

/// Asks the policies; whether 0-RTT may be accepted.
fn ask(handshake: &mut Handshake, id: &SessionId, record: &Record, fetches: u32) -> Result<bool, Miss> {
    let candidate = handshake.session_facts(id, record, fetches);
    let Stage::Deciding(Deciding { policies, budget, .. }) = &mut handshake.stage else { return Err(Miss::Internal) };
    let (decision, asked) = policies.decide_get(budget, &handshake.facts, &candidate, &record.notes);
    handshake.found.shadowed = policies.compares().then(|| {
        let (connection, notes) = (handshake.facts.clone(), record.notes.clone());
        let refused = matches!(decision, GetDecision::FullHandshake(_));
        Arc::new(Decided { about: About::Get { connection, candidate, notes }, refused })
    });
    handshake.found.asked = asked;
    handshake.found.asked_about = Some(*id);
    match decision {
        GetDecision::Resume { early_data } => Ok(early_data),
        GetDecision::FullHandshake(objection) => Err(match objection.failure {
            None => Miss::Policy(objection.policy),
            Some(failure) => Miss::PolicyFailed(objection.policy, failure),
        }),
    }
}

impl Candidate {
    /// Whoever offers this one has not its secret, or offers it as it must not be. OpenSSL is to find that out, and ends the
    /// handshake as RFC 8446 section 4.2.11 or RFC 7627 section 5.3 wants it; but a session that was not taken is not given away,
    /// not even for that.
    pub fn that_ends_it(examined: Examined, why: Miss) -> Self {
        let Examined { id, record, der, found } = examined;
        Self { handed: Err(why), id, record, session: stored(der, found.prototype), decoded_wanted: false }
    }

    fn resumed(&self) -> Resumed {
        let Record { expires, peer_certificate, .. } = &*self.record;
        Resumed {
            id: self.id,
            session: self.session.clone(),
            expires: *expires,
            early_data: self.handed.as_ref().is_ok_and(|handed| handed.early_data),
            certificate: peer_certificate.as_ref().map(|certificate| certificate.sha256.clone()),
            ends: self.handed.is_err(),
            decoded_wanted: self.decoded_wanted,
            renewal: None,
        }
    }
}

impl Examined {
    /// The session's secret; in TLS 1.3 the PSK.
    pub fn secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.found.prototype {
            Some(prototype) => Some(prototype.secret()),
            None => secret(&self.id, &self.der),
        }
    }
}

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
    fn deciding(&mut self) -> Result<&mut Deciding, Miss> {
        match &mut self.stage {
            Stage::Deciding(deciding) => Ok(deciding),
            // Nothing is looked for any more.
            Stage::Over => Err(Miss::Internal),
        }
    }

    /// The facts of a session that belongs where this handshake does: the site is the same, which the border sees to.
    ///
    /// Each policy is shown its own note. Where there is only one, it is in there already, which saves a copy of the facts.
    pub(super) fn session_facts(&self, id: &SessionId, record: &Record, fetches: u32) -> Session {
        let note = if let [(_, note)] = record.notes.as_slice() { Some(note.clone()) } else { None };
        Session { attributes: self.facts.attributes.clone(), note, ..record.facts(id, fetches) }
    }

    /// Whether a TLS 1.2 session has an extended master secret, and the client offers it without. It must not be resumed, and if it would
    /// be but for that, the handshake must end (RFC 7627 section 5.3). Where this server does without them, the client is not to blame.
    pub(super) fn loses_extended_master_secret(&self, record: &Record, now: Now<'_>) -> bool {
        record.version != TlsVersion::Tls13
            && record.extended_master_secret
            && !self.hello.extended_master_secret
            && now.able.extended_master_secret
    }

    /// Whether this connection would use an extended master secret in TLS 1.2, if OpenSSL takes part in them. `SSL_get_extms_support` does
    /// not know yet.
    pub(super) fn extended_master_secret(&self, enabled: bool) -> bool {
        self.hello.extended_master_secret && enabled
    }
}
