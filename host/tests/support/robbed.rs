//! Servers that a stranger tries to take sessions from, with each kind of store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use openssl::{
    error::ErrorStack,
    ssl::{ErrorCode, Ssl, SslContext, SslSession, SslStream},
};
use reprise::{
    EarlyData, Host, HostBuilder,
    session::{Keyring, SessionId},
    store::{Memory, RecordBytes},
};
use reprise_fixtures::policies::single_use;
use reprise_testing::TestStore;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{
    Client, Outcome,
    early::{accepting, first_flight, receive},
    policies::directory,
    shared::Shared,
    taken_up::{declared, waiting},
    wire::Wire,
};

/// `illegal_parameter`, by which OpenSSL 3.0 refuses a binder, and `decrypt_error`, by which 3.5 does.
const ALERTS_OF_BINDERS: [u8; 2] = [47, 51];

/// How a client's flight was met.
#[derive(Debug, PartialEq)]
pub enum Met {
    /// The handshake goes on, in full.
    GoesOn,
    /// It goes on, and the session resumes if the client has its secret.
    Resumes,
    /// It ended: the binder is false.
    FalseBinder,
}

pub struct Server {
    pub host: Host,
    pub context: SslContext,
    /// Whether its connections can be taken up again while a store is asked.
    pub retries: bool,
    pub what: String,
}

impl Server {
    pub fn new(host: Host, what: impl Into<String>) -> Self {
        let context = accepting(&host);
        Self { host, context, retries: true, what: what.into() }
    }

    pub fn connection(&self) -> Ssl {
        if self.retries { declared(&self.host, &self.context) } else { Ssl::new(&self.context).unwrap() }
    }

    pub fn handshake(&self, client: &Client) -> Outcome {
        waiting(&self.host, self.connection(), client, |_| ()).unwrap_or_else(|error| panic!("{}: {error}", self.what))
    }

    /// A stranger's ClientHello.
    pub fn meets(&self, hello: Vec<u8>) -> Met {
        self.meets_next(&mut SslStream::new(self.connection(), Wire::from_client(hello)).unwrap())
    }

    /// The ClientHello that a connection has received.
    pub fn meets_next(&self, stream: &mut SslStream<Wire>) -> Met {
        let error = loop {
            let error = stream.accept().expect_err("nobody finishes this handshake");
            if error.code() != ErrorCode::WANT_CLIENT_HELLO_CB {
                break error;
            }
        };
        if error.code() == ErrorCode::WANT_READ {
            return if stream.ssl().session_reused() { Met::Resumes } else { Met::GoesOn };
        }
        let errors = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
        let is_for_its_binder = errors.iter().any(|error| error.reason() == Some("binder does not verify"));
        match stream.get_mut().take_sent()[..] {
            [.., 21, 3, _, 0, 2, 2, description] if is_for_its_binder && ALERTS_OF_BINDERS.contains(&description) => {
                Met::FalseBinder
            }
            ref sent => panic!("{}: {error}, and {sent:02x?}", self.what),
        }
    }

    /// The owner's 0-RTT data that is accepted, and whether the session resumes.
    pub fn accepts_early(&self, session: &SslSession) -> (Vec<u8>, bool, EarlyData) {
        let (accepted, stream) = receive(self.connection(), &first_flight(session));
        let report = self.host.connection(stream.ssl()).unwrap();
        (accepted, report.resumed, report.early_data)
    }
}

/// The policy that keeps every session for single use.
pub fn once() -> TempDir {
    directory(&[("10-once.wasm", single_use())])
}

/// Servers that accept 0-RTT data, with each kind of store, each with connections that can be taken up again and that
/// cannot.
pub fn servers(build: impl Fn() -> HostBuilder) -> Vec<Server> {
    let mut servers = Vec::new();
    for retries in [true, false] {
        let keyring = Arc::new(Keyring::new(Zeroizing::new([3; 32])).unwrap());
        let tiers = build().store(Memory::default()).store(Shared::sealed().node("a")).keyring(keyring);
        for (store, host) in [
            ("memory", build().store(Memory::default())),
            ("later", build().store(TestStore::bare().late())),
            ("tiers", tiers),
        ] {
            let what = format!("{store}, retries: {retries}");
            // However busy the machine is: a late answer is no answer.
            let host = host.store_deadline(Duration::from_secs(3_600)).build().unwrap();
            servers.push(Server { retries, ..Server::new(host, what) });
        }
    }
    servers
}

/// A store that gives up another session than it has shown.
pub fn swapping() -> TestStore {
    let store = TestStore::bare();
    let put: Arc<Mutex<HashMap<SessionId, RecordBytes>>> = Arc::default();
    let records = Arc::clone(&put);
    store.putting(move |id, entry| drop(records.lock().unwrap().insert(id, entry.record.clone())));
    store.answering(move |id, answer| {
        let mut records = put.lock().unwrap().clone();
        records.remove(id);
        answer.map(|found| {
            found.map(|mut found| {
                if found.consumed {
                    found.record = records.into_values().next().expect("there is another");
                }
                found
            })
        })
    });
    store
}
