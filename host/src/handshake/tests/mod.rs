//! Facts in, answers out, without a TLS stack: what a host decides about handshakes that never took place.

mod given_up;
mod made;
mod misses;

use std::{
    iter::zip,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Able, Circumstances, ClientCertificate, EarlyData, Encoded, HelloFacts, Here, Made, OfferFacts, Outcome, Place,
        SessionFacts, Suites, TLS13, Ticket, Turn,
    },
    hello::Hello,
};
use reprise_policy::{
    policies_dir::DirOptions,
    policy::{RuntimeOptions, wit::types::Certificate},
};
use reprise_session::session::{Epoch, Keyring, RevocationLists, Secret, SessionId};
use reprise_store::store::Store;
use reprise_testing::TestStore;
use tempfile::TempDir;

use super::{Answers, Connection, ConnectionReport, Limits, Resources, in_text};
use crate::{
    funnel::{REASONS, VERSIONS},
    living::Slot,
    recent::{self, Clients, Query, Recent},
};

const TLS12: i32 = 0x0303;
const NOW: u64 = 1_700_000_000;
const SUITE: u16 = 0x1301;

/// A host's resources, with a clock that a test sets.
struct Desk {
    resources: Arc<Resources>,
    store: TestStore,
    clock: Arc<AtomicU64>,
    _policies: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::with(&[])
    }

    /// With these policies in force.
    fn with(policies: &[(&str, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, module) in policies {
            std::fs::write(dir.path().join(name), module).unwrap();
        }
        let (store, clock) = (TestStore::bare(), Arc::new(AtomicU64::new(NOW)));
        let time = clock.clone();
        let limits = Limits {
            lifetime: 7_200,
            max_lifetime: 86_400,
            tickets: 1,
            max_entry: 4_096,
            policy_budget: Duration::from_secs(60),
            store_deadline: Duration::from_secs(60),
        };
        let policies = Some(dir.path().to_owned());
        let resources = Resources::new(
            (limits, recent::Options { handshakes: 100, clients: Clients::Whole }),
            Arc::new(Keyring::random().unwrap()),
            Arc::new(store.clone()),
            Arc::new(move || time.load(Ordering::SeqCst)),
            |work| Slot::new(policies, DirOptions::default(), RuntimeOptions::default(), work),
        );
        resources.living.revive().unwrap();
        Self { resources, store, clock, _policies: dir }
    }

    fn connection(&self) -> Box<dyn Handshakes> {
        Answers::by(&self.resources).connection()
    }

    /// A full handshake of this version, with what else is said of the session that it makes.
    fn made(&self, version: i32, says: impl Fn(&mut SessionFacts)) -> SessionId {
        let mut connection = self.connection();
        connection.hello(&hello(version, &[]), None);
        self.make(&mut *connection, version, says).expect("it is kept")
    }

    /// A session made on a connection, if it is kept.
    fn make(
        &self,
        connection: &mut dyn Handshakes,
        version: i32,
        says: impl Fn(&mut SessionFacts),
    ) -> Option<SessionId> {
        let nonce = self.resources.now().to_be_bytes();
        let id = self.new_id([nonce, fresh_nonce()].concat().try_into().unwrap());
        let mut facts = session(id, version);
        says(&mut facts);
        let Ticket::Kept { id, most, .. } = connection.ticket(&facts) else { return None };
        let der = Secret::new(b"an encoding".to_vec());
        assert!(der.len() <= most);
        connection.made(Made { id, encoding: Ok(Encoded { der, decoded: None }) });
        Some(id)
    }

    fn new_id(&self, nonce: [u8; 16]) -> SessionId {
        Answers::by(&self.resources).new_id(nonce).expect("there is a host")
    }

    fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        Answers::by(&self.resources).given_up(id, circumstances);
    }

    /// Why handshakes of this version came no further than they did.
    fn ended(&self, version: i32) -> Vec<&'static str> {
        let (_, ends) =
            zip(VERSIONS, self.resources.counts.funnel.by_version()).find(|((_, wire), _)| *wire == version).unwrap();
        zip(REASONS, ends).flat_map(|((reason, _), times)| vec![reason; times as usize]).collect()
    }

    /// What is kept of the handshakes that were completed.
    fn recent(&self) -> Vec<Recent> {
        self.resources.recent.find(&Query::default()).unwrap()
    }

    /// How many sessions are stored.
    fn stored(&self) -> u64 {
        self.store.usage().sessions
    }
}

/// Eight bytes that no other id of this process has.
fn fresh_nonce() -> [u8; 8] {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes()
}

fn place() -> Place {
    Place {
        listener: "public".into(),
        site: "shop".into(),
        epoch: Epoch::of(b"one"),
        revocation_lists: RevocationLists::default(),
    }
}

/// A ClientHello that offers these sessions.
fn hello(version: i32, offered: &[SessionId]) -> HelloFacts<'static> {
    let tls13 = version == TLS13;
    let place = Arc::new(place());
    HelloFacts {
        turn: Turn::First,
        hello: Arc::new(Hello {
            server_name: Some("a.example".into()),
            session_id: offered.first().copied().filter(|_| !tls13),
            identities: offered.iter().filter(|_| tls13).map(|id| id.as_bytes().to_vec()).collect(),
            supports_tls13: tls13,
            psk_with_key_exchange: tls13,
            extended_master_secret: true,
            ciphers: SUITE.to_be_bytes().to_vec().into(),
            ..Hello::default()
        }),
        peer: None,
        hooked: place.clone(),
        here: Some(Here { place, verify_mode: 0 }),
        learns: false,
        ahead: None,
    }
}

/// The same with what else is said in it.
fn saying(mut hello: HelloFacts<'static>, says: impl Fn(&mut Hello)) -> HelloFacts<'static> {
    says(Arc::get_mut(&mut hello.hello).expect("nobody else has it"));
    hello
}

/// The same at another place.
fn at(mut hello: HelloFacts<'static>, place: Place, verify_mode: i32) -> HelloFacts<'static> {
    hello.here = Some(Here { place: Arc::new(place), verify_mode });
    hello
}

fn offer(id: &SessionId, version: i32) -> OfferFacts<'_> {
    OfferFacts { id: id.as_bytes(), version, switched: false, able: able(), proof: None }
}

fn able() -> Able<'static> {
    Able { ciphers: Suites::Listed(vec![SUITE]), extended_master_secret: true, early_data: false }
}

fn session(id: SessionId, version: i32) -> SessionFacts {
    SessionFacts {
        id: id.as_bytes().to_vec(),
        version,
        cipher_suite: Some(SUITE),
        extended_master_secret: true,
        alpn: None,
        resumed: false,
        switched: false,
        expected: 1,
        certificate: ClientCertificate::None,
        chain: None,
    }
}

fn certificate() -> ClientCertificate {
    ClientCertificate::Own(Box::new(Certificate {
        sha256: vec![7; 32],
        spki_sha256: vec![8; 32],
        subject: "CN=a client".into(),
        issuer: "CN=an issuer".into(),
        serial: vec![1],
        not_before: NOW - 1_000,
        not_after: NOW + 1_000,
        alternative_names: Vec::new(),
        verified: true,
    }))
}

fn outcome(version: i32, resumed: bool) -> Outcome {
    Outcome { version, resumed, sessions: 1, early_data: EarlyData::NotOffered }
}

fn report(connection: &dyn Handshakes, version: i32, resumed: bool) -> ConnectionReport {
    let connection: &Connection = connection.as_any().downcast_ref().unwrap();
    connection.report(&outcome(version, resumed)).expect("a ClientHello was heard, or something missed")
}

#[test]
fn an_address_is_written_as_everywhere_else() {
    let ipv4 = [0, 7, 42, 99, 100, 255].map(|octet| IpAddr::from([octet, 0, 255 - octet, 10]));
    for address in ipv4.into_iter().chain([Ipv6Addr::LOCALHOST.into()]) {
        assert_eq!(in_text(address), address.to_string());
    }
}
