//! A session of a real handshake, for its size.

use std::{os::unix::net::UnixStream, thread};

use anyhow::{Context, Result, anyhow};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode};
use reprise::{
    Host, Listener,
    session::{Keyring, Record},
    store::{RecordBytes, Scope},
};
use reprise_testing::{TestStore, certificates::certificate};

/// The bytes of the session's DER, and those of its sealed record: TLS 1.3, no client certificate.
pub fn lengths() -> Result<(usize, usize)> {
    let plain = kept(Scope::Process)?;
    Ok((Record::decode(&plain)?.der.len(), kept(Scope::Node)?.len()))
}

/// The record that a store of this scope is handed.
fn kept(scope: Scope) -> Result<RecordBytes> {
    let store = TestStore::of(scope);
    let host = Host::builder().store(store.clone()).keyring(Keyring::random()?).build()?;
    let identity = certificate("server").make();
    let mut server = SslContext::builder(SslMethod::tls_server())?;
    server.set_certificate(&identity.certificate)?;
    server.set_private_key(&identity.key)?;
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
    let last = store.seen.last.lock().ok().and_then(|mut last| last.take());
    last.map(|(_, entry)| entry.record).context("the host kept no session")
}
