//! Servers that a stranger tries to take sessions from, with each kind of store.

use std::{
    collections::HashMap,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    task::Waker,
    time::Duration,
};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslSession, SslStream};
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
    Client, Outcome, early, early::offering, policies::directory, serve, shared::Shared, try_handshake_served,
    wire::Wire,
};

pub const EARLY: &[u8] = b"GET /once HTTP/1.1\r\n\r\n";

/// `illegal_parameter`
pub const ILLEGAL_PARAMETER: u8 = 47;

/// How a client's flight was met.
#[derive(Debug, PartialEq)]
pub enum Met {
    /// The handshake goes on, in full.
    GoesOn,
    /// It goes on, and the session resumes if the client has its secret.
    Resumes,
    /// It ended with this alert.
    Ends(u8),
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
        let context = early::accepting(&host);
        Self { host, context, retries: true, what: what.into() }
    }

    pub fn connection(&self) -> Ssl {
        let mut ssl = Ssl::new(&self.context).unwrap();
        if self.retries {
            self.host.handles_retry(&mut ssl, Waker::noop()).unwrap();
        }
        ssl
    }

    pub fn handshake(&self, client: &Client) -> Outcome {
        let serve = |stream: &mut SslStream<UnixStream>| {
            while let Err(error) = stream.accept() {
                if error.code() != ErrorCode::WANT_CLIENT_HELLO_CB {
                    return Err(error.to_string());
                }
            }
            serve(stream)
        };
        let report = |stream: &SslStream<UnixStream>| self.host.connection(stream.ssl());
        try_handshake_served(self.connection(), serve, report, client)
            .unwrap_or_else(|error| panic!("{}: {error}", self.what))
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
        match stream.get_mut().take_sent()[..] {
            [.., 21, 3, _, 0, 2, 2, description] => Met::Ends(description),
            ref sent => panic!("{}: {error}, and no alert in {sent:02x?}", self.what),
        }
    }

    /// The owner's 0-RTT data that is accepted, and whether the session resumes.
    pub fn accepts_early(&self, session: &SslSession) -> (Vec<u8>, bool, EarlyData) {
        let mut client = offering(session, Wire::from_client(Vec::new()));
        client.write_early_data(EARLY).unwrap();
        let flight = client.get_mut().take_sent();
        let mut stream = SslStream::new(self.connection(), Wire::from_client(flight)).unwrap();
        let (mut accepted, mut buffer) = (Vec::new(), [0; 64]);
        loop {
            match stream.read_early_data(&mut buffer) {
                Ok(0) => break,
                Ok(length) => accepted.extend(&buffer[..length]),
                Err(error) if error.code() == ErrorCode::WANT_CLIENT_HELLO_CB => {}
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::WANT_READ, "{}: {error}", self.what);
                    break;
                }
            }
        }
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
