//! A session was made. The policies, then the host's maxima, then the store: in TLS 1.3 the first two before its ticket
//! is written.

use std::sync::Arc;

use reprise_openssl::facts::{ClientCertificate, Encoded, Made, Renewal, SessionFacts, TLS13, Ticket, Unencoded};
use reprise_policy::policy::{
    About, Decided, NewDecision, Notes, Terms,
    wit::types::{Priority, Reach},
};
use reprise_session::session::{Miss, Record, Secret, SessionId};
use reprise_store::store::{Entry, Scope};

use super::{Connection, Deciding, Handshake, Phase, Resources, Stage, look_up::tls_version};
use crate::consultation::NotKept;

/// A session that is kept. Its encoding is to come, and then the store is given it.
pub struct Announced {
    id: SessionId,
    pub record: Record,
    now: u64,
    pub single_use: bool,
    renews: Option<SessionId>,
    since: Option<u64>,
    priority: Priority,
    pub reach: Reach,
}

impl Connection {
    /// Decides about a session that OpenSSL has made.
    pub(super) fn announce(&mut self, session: &SessionFacts) -> Ticket {
        match self.outcome(session) {
            Ok(ticket) => ticket,
            Err(reason) => {
                self.not_kept(reason);
                Ticket::Withheld
            }
        }
    }

    fn outcome(&mut self, session: &SessionFacts) -> Result<Ticket, NotKept> {
        let Phase::Heard(handshake) = &mut self.phase else { return Err(NotKept::Here(Miss::NoHook)) };
        let resources = self.resources.upgrade().ok_or(NotKept::Here(Miss::HostGone))?;
        handshake.kept.asked.clear();
        let decided = decide(session, &resources, handshake);
        handshake.tell_of_made(&resources, session, &decided);
        handshake.kept.decided += 1;
        if handshake.kept.decided >= session.expected {
            handshake.stage = Stage::Over;
        }
        let announced = decided?;
        // Where decoding is dear, or likely to be needed: a client that resumed comes back, and does so with this session.
        let decoded_wanted = announced.record.peer_certificate.is_some() || announced.renews.is_some();
        let ticket = Ticket::Kept {
            id: announced.id,
            lifetime: announced.record.expires.saturating_sub(announced.now),
            most: announced.record.room(resources.limits.max_entry),
            decoded_wanted,
        };
        handshake.kept.announced = Some(Box::new(announced));
        Ok(ticket)
    }

    /// Decides about the session that a resumption in TLS 1.3 is going to make, if it has the cipher suite and the protocol of the one
    /// that is resumed.
    pub(super) fn renew(&mut self) -> Option<Renewal> {
        let resources = self.resources.upgrade()?;
        let Phase::Heard(handshake) = &self.phase else { return None };
        let handed = handshake.found.handed.clone()?;
        let (cipher_suite, alpn) = (handed.record.cipher_suite, handed.record.alpn.clone());
        let mut nonce = [0; 16];
        openssl::rand::rand_bytes(&mut nonce).ok()?;
        let id = resources.keyring.id(nonce, resources.now());
        let has_certificate = handed.record.peer_certificate.is_some();
        let ticket = self.announce(&SessionFacts {
            id: id.as_bytes().to_vec(),
            version: TLS13,
            cipher_suite: Some(cipher_suite),
            extended_master_secret: handed.record.extended_master_secret,
            alpn: alpn.clone(),
            resumed: true,
            switched: false,
            expected: 1,
            certificate: if has_certificate { ClientCertificate::OfResumed } else { ClientCertificate::None },
            chain: None,
        });
        Some(Renewal { id, ticket, cipher_suite, alpn })
    }

    fn not_kept(&mut self, reason: NotKept) {
        tracing::debug!(%reason, "a new session is not kept");
        match &mut self.phase {
            Phase::Heard(handshake) => handshake.kept.not_kept = Some(reason),
            Phase::Unheard { not_kept, .. } => *not_kept = Some(reason),
        }
    }

    /// Stores a session that is kept.
    pub(super) fn keep(&mut self, made: Made) {
        let Phase::Heard(handshake) = &mut self.phase else { return };
        let Some(announced) = handshake.kept.announced.take_if(|announced| announced.id == made.id) else { return };
        let Some(resources) = self.resources.upgrade() else { return };
        let stored = match made.encoding {
            Ok(encoded) => store(&resources, *announced, encoded),
            Err(Unencoded::Unreadable) => Err(NotKept::Unreadable),
            Err(Unencoded::TooLarge(der)) => Err(NotKept::TooLarge(announced.record.encoded_length(der))),
        };
        match stored {
            Ok(record) => {
                handshake.kept.not_kept = None;
                handshake.kept.last = Some((made.id, record));
            }
            Err(reason) => {
                handshake.tell_of_unkept(&resources, &made.id, &reason);
                self.not_kept(reason);
            }
        }
    }
}

/// Gives the store a session; its record, without its secrets.
fn store(resources: &Resources, announced: Announced, encoded: Encoded) -> Result<Arc<Record>, NotKept> {
    let Announced { id, mut record, now, single_use, renews, since, priority, reach } = announced;
    record.der = encoded.der;
    let bytes = record.encode().map_err(|_| NotKept::Unreadable)?;
    record.der = Secret::default();
    if bytes.len() > resources.limits.max_entry {
        return Err(NotKept::TooLarge(bytes.len()));
    }
    let record = Arc::new(record);
    let prototype = encoded.decoded.map(|decoded| decoded.with_record(record.clone()));
    let entry = Entry { record: bytes, expires: record.expires, single_use, renews, since, priority, reach, prototype };
    resources.store.put(id, entry, now);
    Ok(record)
}

fn decide(session: &SessionFacts, resources: &Resources, handshake: &mut Handshake) -> Result<Announced, NotKept> {
    let border = handshake.border.clone().map_err(NotKept::Here)?;
    // A switch after the hook, in a server-name callback, comes after OpenSSL has looked for a session: what is kept here
    // could not be refused there.
    if session.switched {
        return Err(NotKept::Here(Miss::SwitchedAfterHook));
    }
    let id = resources.keyring.recognise(&session.id).ok_or(NotKept::ForeignId)?;
    let now = resources.now();
    let mut record = Record {
        border,
        version: tls_version(session.version).ok_or(NotKept::Unreadable)?,
        cipher_suite: session.cipher_suite.ok_or(NotKept::Unreadable)?,
        extended_master_secret: handshake.extended_master_secret(session.extended_master_secret),
        alpn: session.alpn.clone(),
        authenticated: handshake.facts.now,
        expires: 0,
        resumptions: 0,
        peer_certificate: None,
        chain: None,
        notes: Notes::new(),
        der: Secret::default(),
    };
    let (mut renews, mut since, mut known) = (None, None, None);
    if session.resumed {
        let origin = handshake.origin(true).ok_or(NotKept::UnknownLineage)?;
        record.authenticated = origin.record.authenticated;
        record.resumptions = origin.resumptions;
        record.notes = origin.record.notes.clone();
        record.chain = origin.record.chain.clone();
        known = origin.record.peer_certificate.clone();
        renews = Some(origin.id);
        since = origin.since;
    }
    record.peer_certificate = match &session.certificate {
        ClientCertificate::None => None,
        // It is there: OpenSSL's side knows of it from the answer that handed the session over.
        ClientCertificate::OfResumed => Some(known.ok_or(NotKept::UnknownLineage)?),
        ClientCertificate::Own(certificate) => Some((**certificate).clone()),
        ClientCertificate::Unreadable => return Err(NotKept::Unreadable),
    };
    // What this very connection has verified; else what the session resumed rests on.
    if session.chain.is_some() {
        record.chain.clone_from(&session.chain);
    }
    if record.peer_certificate.is_none() {
        record.chain = None;
    }
    record.expires = resources.limits.furthest(&record);
    if record.expires <= now {
        return Err(NotKept::Lifetime);
    }
    if resources.revocations.in_force.revokes(&record) {
        return Err(NotKept::Revoked);
    }
    let terms = ask(resources, handshake, &id, &record)?;
    let reach = terms.reach.unwrap_or(Reach::Fleet);
    if reach == Reach::Node && resources.store.scope() == Scope::Fleet {
        return Err(NotKept::Reach);
    }
    let lifetime = terms.lifetime.map_or(resources.limits.lifetime, u64::from);
    record.expires = record.expires.min(now.saturating_add(lifetime));
    record.notes = terms.notes;
    // Again, for the notes are others, and it may have been revoked while policies were asked.
    if resources.revocations.in_force.revokes(&record) {
        return Err(NotKept::Revoked);
    }
    let (single_use, priority) = (terms.single_use.unwrap_or(false), terms.priority.unwrap_or(Priority::Normal));
    Ok(Announced { id, record, now, single_use, renews, since, priority, reach })
}

fn ask(resources: &Resources, handshake: &mut Handshake, id: &SessionId, record: &Record) -> Result<Terms, NotKept> {
    let facts = handshake.session_facts(id, record, 0);
    // Post-handshake authentication makes more, under the policies of its own time.
    if matches!(handshake.stage, Stage::Over) {
        let chain = resources.chain().ok_or(NotKept::Here(Miss::Forked))?;
        handshake.stage = Stage::Deciding(Deciding::by(chain, resources.budget()));
    }
    let Stage::Deciding(Deciding { policies, budget, .. }) = &mut handshake.stage else {
        return Err(NotKept::Here(Miss::Internal));
    };
    let (decision, asked) = policies.decide_new(budget, &handshake.facts, &facts, &record.notes);
    handshake.kept.shadowed = policies.compares().then(|| {
        let (connection, notes) = (handshake.facts.clone(), record.notes.clone());
        let refused = matches!(decision, NewDecision::Refuse(_));
        Arc::new(Decided { about: About::New { connection, session: facts, notes }, refused })
    });
    handshake.kept.asked = asked;
    match decision {
        NewDecision::Keep(terms) => Ok(terms),
        NewDecision::Refuse(objection) => Err(NotKept::Policy(objection)),
    }
}
