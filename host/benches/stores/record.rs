//! A session of a real handshake, for its size.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    thread,
};

use anyhow::{Context, Result, anyhow};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    ssl::{Ssl, SslContext, SslMethod, SslVerifyMode},
    x509::X509,
};
use reprise::{
    Host, Listener,
    session::{Keyring, Record, SessionId},
    store::{Consume, Entry, Fetch, RecordBytes, Scope, Store, Usage},
};

/// The bytes of the session's DER, and those of its sealed record: TLS 1.3, no client certificate.
pub fn lengths() -> Result<(usize, usize)> {
    let plain = kept(Scope::Process)?;
    Ok((Record::decode(&plain)?.der.len(), kept(Scope::Node)?.len()))
}

/// The record that a store of this scope is handed.
fn kept(scope: Scope) -> Result<RecordBytes> {
    let kept = Arc::default();
    let host = Host::builder().store(Taker { scope, kept: Arc::clone(&kept) }).keyring(Keyring::random()?).build()?;
    let key = PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?)?;
    let mut certificate = X509::builder()?;
    certificate.set_pubkey(&key)?;
    certificate.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    certificate.set_not_after(&*Asn1Time::days_from_now(1)?)?;
    certificate.sign(&key, MessageDigest::sha256())?;
    let mut server = SslContext::builder(SslMethod::tls_server())?;
    server.set_certificate(&certificate.build())?;
    server.set_private_key(&key)?;
    host.install(&mut server, Listener::named("public"))?;
    let server = Ssl::new(&server.build())?;
    let mut client = SslContext::builder(SslMethod::tls_client())?;
    client.set_verify(SslVerifyMode::NONE);
    let mut client = Ssl::new(&client.build())?;
    client.set_hostname("a.example")?;

    let (ours, theirs) = UnixStream::pair()?;
    let serving = thread::spawn(move || server.accept(ours).map(drop));
    let connected = client.connect(theirs).map(drop);
    serving.join().map_err(|_| anyhow!("the server's thread ended"))?.context("the server's side")?;
    connected.context("the client's side")?;
    let record = kept.lock().ok().and_then(|mut kept| kept.take());
    record.context("the host kept no session")
}

/// A store that has what it was handed last.
struct Taker {
    scope: Scope,
    kept: Arc<Mutex<Option<RecordBytes>>>,
}

impl Store for Taker {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn put(&self, _id: SessionId, entry: Entry, _now: u64) {
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some(entry.record);
        }
    }

    fn fetch(&self, _id: &SessionId, _consume: Consume, _now: u64) -> Fetch {
        Fetch::Ready(Ok(None))
    }

    fn remove(&self, _id: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn peek(&self, _id: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}
