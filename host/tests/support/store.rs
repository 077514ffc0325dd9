//! Entries for a store, and what a test asks of it.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
};

use openssl::ssl::{Ssl, SslContext, SslMethod, SslRef, SslVersion};
use reprise::{
    Prototype,
    session::SessionId,
    store::{Consume, Entry, Fetch, Found, Memory, Priority, Reach, RecordBytes, Removal, Removed, Store},
};

pub fn id(number: u64) -> SessionId {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SessionId::from(bytes)
}

pub fn entry(length: usize) -> Entry {
    Entry {
        record: RecordBytes::new(vec![7; length]),
        expires: 1_000,
        single_use: false,
        renews: None,
        since: None,
        priority: Priority::Normal,
        reach: Reach::Fleet,
        prototype: None,
    }
}

/// A fetch on a machine so busy that the lock's holder was not scheduled is tried again.
pub fn fetch_with(store: &Memory, id: &SessionId, consume: Consume, now: u64) -> Option<Found> {
    loop {
        match store.fetch(id, consume, now) {
            Fetch::Ready(Ok(found)) => return found,
            Fetch::Ready(Err(_)) => std::thread::yield_now(),
            Fetch::Pending(_) => panic!("the memory store knows at once"),
        }
    }
}

pub fn fetch(store: &Memory, id: &SessionId) -> Option<Found> {
    fetch_with(store, id, Consume::Never, 0)
}

pub fn take(store: &Memory, id: &SessionId) -> Option<Found> {
    fetch_with(store, id, Consume::Always, 0)
}

/// A store and what its observer is told.
pub fn observed(store: Memory) -> (Memory, Arc<Mutex<Vec<Removed>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    store.observe_removals(Arc::new(move |removed| tell.lock().unwrap().push(removed)));
    (store, told)
}

pub fn reasons(told: &Mutex<Vec<Removed>>) -> Vec<(SessionId, Removal)> {
    told.lock().unwrap().drain(..).map(|removed| (removed.id, removed.why)).collect()
}

/// A session with a certificate, of a handshake in this process.
pub fn prototype() -> Prototype {
    prototypes().0
}

/// One without.
pub fn prototype_without_certificate() -> Prototype {
    prototypes().1
}

/// The client's, which has the server's certificate, and the server's.
fn prototypes() -> (Prototype, Prototype) {
    let identity = reprise_testing::certificates::certificate("server").days(1).make();
    let mut server = SslContext::builder(SslMethod::tls_server()).unwrap();
    server.set_certificate(&identity.certificate).unwrap();
    server.set_private_key(&identity.key).unwrap();
    let server = server.build();
    let mut client = SslContext::builder(SslMethod::tls_client()).unwrap();
    client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    let client = client.build();

    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| Ssl::new(&server).unwrap().accept(ours).unwrap());
        let connected = Ssl::new(&client).unwrap().connect(theirs).unwrap();
        let accepted = accepting.join().unwrap();
        let prototype = |ssl: &SslRef| reprise::prototype(ssl.session().unwrap().to_owned());
        (prototype(connected.ssl()), prototype(accepted.ssl()))
    })
}
