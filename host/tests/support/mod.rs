//! A TLS server with a host installed, a client of the openssl crate, and certificates for both, over a socket pair.

#![allow(dead_code)] // Each test file uses its own part.

pub mod certificates;
pub mod disk;
pub mod early;
pub mod ffi;
pub mod policies;
pub mod post_handshake;
pub mod raw;
pub mod retry;
pub mod robbed;
pub mod shared;
pub mod slow;
pub mod spy;
pub mod store;
pub mod taken_up;
pub mod wire;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode,
    SslVersion,
};
use openssl::x509::store::X509StoreBuilder;
use reprise::{ConnectionReport, Host, Listener};

use self::certificates::Identity;

/// Both protocol versions, for tests that hold in each.
pub const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// This machine's clock: seconds since the Unix epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A server's context, ready for a host to be installed on.
pub fn server_context(identity: &Identity) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context
}

/// A context with the host installed under the listener name `public`.
pub fn installed(host: &Host) -> SslContext {
    let mut context = server_context(&certificates::server());
    host.install(&mut context, Listener::named("public")).unwrap();
    context.build()
}

/// A context with the host installed as `listener` says, for the server of the tests.
pub fn installed_as(host: &Host, listener: Listener, adjust: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
    let mut context = server_context(&certificates::server());
    adjust(&mut context);
    host.install(&mut context, listener).unwrap();
    context.build()
}

/// A context of the same listener and site that asks clients for certificates, or insists on them.
pub fn asking_for_certificates(context: &mut SslContextBuilder, mode: SslVerifyMode) {
    let mut trusted = X509StoreBuilder::new().unwrap();
    trusted.add_cert(certificates::ca().certificate).unwrap();
    context.set_cert_store(trusted.build());
    context.set_verify(mode);
}

/// What a client does in one handshake.
#[derive(Clone)]
pub struct Client {
    pub version: SslVersion,
    pub server_name: Option<String>,
    pub session: Option<SslSession>,
    pub identity: Option<Identity>,
    pub adjust: Arc<dyn Fn(&mut SslContextBuilder) + Send + Sync>,
    pub ending: Ending,
}

type Talk = Arc<dyn Fn(&mut SslStream<UnixStream>) + Send + Sync>;

/// How a client ends its connection.
#[derive(Clone)]
pub enum Ending {
    /// With `close_notify`.
    Clean,
    /// Without: the socket is closed.
    Unclean,
    /// As the test says, then without.
    Then(Talk),
}

impl Client {
    pub fn of(version: SslVersion) -> Self {
        Self {
            version,
            server_name: Some("a.example".into()),
            session: None,
            identity: None,
            adjust: Arc::new(|_| {}),
            ending: Ending::Clean,
        }
    }

    pub fn named(self, name: impl Into<Option<&'static str>>) -> Self {
        Self { server_name: name.into().map(str::to_owned), ..self }
    }

    pub fn offering(self, session: &SslSession) -> Self {
        Self { session: Some(session.clone()), ..self }
    }

    pub fn identified(self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self }
    }

    pub fn adjusted(self, adjust: impl Fn(&mut SslContextBuilder) + Send + Sync + 'static) -> Self {
        Self { adjust: Arc::new(adjust), ..self }
    }

    pub fn closing_uncleanly(self) -> Self {
        Self { ending: Ending::Unclean, ..self }
    }

    pub fn then(self, then: impl Fn(&mut SslStream<UnixStream>) + Send + Sync + 'static) -> Self {
        Self { ending: Ending::Then(Arc::new(then)), ..self }
    }
}

/// What both sides saw.
pub struct Outcome {
    /// Whether the client says that its session was resumed.
    pub resumed: bool,
    /// What the host reports.
    pub report: Option<ConnectionReport>,
    /// The sessions that the client was given.
    pub sessions: Vec<SslSession>,
}

impl Outcome {
    pub fn session(&self) -> &SslSession {
        self.sessions.last().expect("the client was given a session")
    }

    pub fn miss(&self) -> String {
        let report = self.report.as_ref().expect("the host reports");
        report.miss.as_ref().map_or("none".into(), ToString::to_string)
    }

    pub fn not_kept(&self) -> String {
        let report = self.report.as_ref().expect("the host reports");
        report.not_kept.as_ref().map_or("kept".into(), ToString::to_string)
    }
}

/// One handshake, which must succeed on both sides.
pub fn handshake(host: &Host, context: &SslContext, client: &Client) -> Outcome {
    try_handshake(host, context, client).unwrap_or_else(|error| panic!("the handshake failed: {error}"))
}

/// One handshake: what came of it, or the side and error that it failed with.
pub fn try_handshake(host: &Host, context: &SslContext, client: &Client) -> Result<Outcome, String> {
    try_handshake_on(Ssl::new(context).unwrap(), |ssl| host.connection(ssl.ssl()), client)
}

/// One handshake on a server connection made by the test.
pub fn try_handshake_on(
    server: Ssl,
    report: impl FnOnce(&SslStream<UnixStream>) -> Option<ConnectionReport>,
    client: &Client,
) -> Result<Outcome, String> {
    try_handshake_served(server, serve, report, client)
}

/// One handshake on a server connection made by the test, which serves it as the test says.
pub fn try_handshake_served(
    server: Ssl,
    serve: impl FnOnce(&mut SslStream<UnixStream>) -> Result<(), String>,
    report: impl FnOnce(&SslStream<UnixStream>) -> Option<ConnectionReport>,
    client: &Client,
) -> Result<Outcome, String> {
    let (near, far) = UnixStream::pair().unwrap();
    let client = client.clone();
    let client = thread::spawn(move || run_client(far, &client));
    let mut stream = SslStream::new(server, near).unwrap();
    let served = serve(&mut stream);
    let report = report(&stream);
    drop(stream);
    let seen = client.join().expect("the client does not panic");
    served.map_err(|error| format!("server: {error}"))?;
    let (resumed, sessions) = seen.map_err(|error| format!("client: {error}"))?;
    Ok(Outcome { resumed, report, sessions })
}

/// One handshake with a server's connection made by C, which reads until the client has closed and is freed as it is.
pub fn handshake_in_c(host: &Host, context: &SslContext, client: &Client) -> Outcome {
    let (near, far) = UnixStream::pair().unwrap();
    let client = client.clone();
    let client = thread::spawn(move || run_client(far, &client));
    let mut server = ffi::CServer::new(context, near);
    assert!(server.accept(), "the handshake succeeds");
    server.write();
    while server.read() > 0 {}
    let report = host.connection(server.ssl());
    drop(server);
    drop(openssl::error::ErrorStack::get());
    let (resumed, sessions) = client.join().expect("the client does not panic").unwrap();
    Outcome { resumed, report, sessions }
}

/// Accepts, talks, waits for the client to close, closes.
pub fn serve(stream: &mut SslStream<UnixStream>) -> Result<(), String> {
    stream.accept().map_err(|error| error.to_string())?;
    greet(stream)?;
    let mut byte = [0];
    // Until the client closes, cleanly or not.
    let _ = stream.read(&mut byte);
    let _ = stream.shutdown();
    Ok(())
}

/// Talks on an accepted connection, so that the client has read its tickets.
pub fn greet(stream: &mut SslStream<UnixStream>) -> Result<(), String> {
    // A byte each way: after it the client has read its tickets.
    stream.write_all(b"!").map_err(|error| error.to_string())?;
    let mut byte = [0];
    stream.read_exact(&mut byte).map_err(|error| error.to_string())
}

impl Client {
    /// Its connection, and the sessions that it will be given.
    pub fn connection(&self) -> (Ssl, Arc<Mutex<Vec<SslSession>>>) {
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
        context.set_verify(SslVerifyMode::NONE);
        context.set_min_proto_version(Some(self.version)).unwrap();
        context.set_max_proto_version(Some(self.version)).unwrap();
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let given = sessions.clone();
        context.set_new_session_callback(move |_, session| given.lock().unwrap().push(session));
        if let Some(identity) = &self.identity {
            context.set_certificate(&identity.certificate).unwrap();
            context.set_private_key(&identity.key).unwrap();
        }
        (self.adjust)(&mut context);
        let mut ssl = Ssl::new(&context.build()).unwrap();
        if let Some(name) = &self.server_name {
            ssl.set_hostname(name).unwrap();
        }
        if let Some(session) = &self.session {
            // A copy: OpenSSL's client offers a TLS 1.3 session once only.
            let session = SslSession::from_der(&session.to_der().unwrap()).unwrap();
            // SAFETY: the session was made by a context of the same shape.
            unsafe { ssl.set_session(&session) }.unwrap();
        }
        (ssl, sessions)
    }
}

/// The client's side of a handshake.
pub fn run_client(stream: UnixStream, client: &Client) -> Result<(bool, Vec<SslSession>), String> {
    let (ssl, sessions) = client.connection();
    let mut stream = SslStream::new(ssl, stream).unwrap();
    let mut talk = || -> Result<(), String> {
        stream.connect().map_err(|error| error.to_string())?;
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(|error| error.to_string())?;
        stream.write_all(&byte).map_err(|error| error.to_string())
    };
    talk()?;
    match &client.ending {
        Ending::Clean => drop(stream.shutdown()),
        Ending::Unclean => {}
        Ending::Then(then) => then(&mut stream),
    }
    let resumed = stream.ssl().session_reused();
    drop(stream);
    let sessions = sessions.lock().unwrap().drain(..).collect();
    Ok((resumed, sessions))
}
