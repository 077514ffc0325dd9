//! A client that connects again and again, and resumes the session of the connection before.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use openssl::ssl::{
    ShutdownState, Ssl, SslContext, SslMethod, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};
use reprise_tests::{Version, certificates::Identity};
use socket2::SockRef;

/// The name that clients ask for.
pub const NAME: &str = "a.example";

/// For an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// A context for clients of one version, with a certificate where there is one.
pub fn context(
    version: Version,
    identity: Option<&Identity>,
    given: impl Fn(SslSession) + Send + Sync + 'static,
) -> Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_verify(SslVerifyMode::NONE);
    let version = match version {
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    };
    context.set_min_proto_version(Some(version))?;
    context.set_max_proto_version(Some(version))?;
    if let Some(identity) = identity {
        context.set_certificate(&identity.certificate)?;
        context.set_private_key(&identity.key)?;
    }
    context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    context.set_new_session_callback(move |_, session| given(session));
    Ok(context.build())
}

/// What came of the connections of one turn.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    /// All.
    pub connections: usize,
    /// Those that resumed.
    pub resumed: usize,
    /// Those without a handshake, or without the session that follows it.
    pub failed: usize,
}

impl Tally {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            resumed: self.resumed + other.resumed,
            failed: self.failed + other.failed,
        }
    }
}

/// What the server has given.
#[derive(Default)]
struct Given {
    session: Mutex<Option<SslSession>>,
    /// In this connection.
    now: AtomicBool,
}

/// A client that resumes.
pub struct Load {
    address: SocketAddr,
    version: Version,
    context: SslContext,
    given: Arc<Given>,
}

impl Load {
    /// A client of this server.
    pub fn new(address: SocketAddr, version: Version, identity: Option<&Identity>) -> Result<Self> {
        let given = Arc::<Given>::default();
        let keep = Arc::clone(&given);
        let context = context(version, identity, move |session| {
            *keep.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
            keep.now.store(true, Relaxed);
        })?;
        Ok(Self { address, version, context, given })
    }

    /// Connects again and again until then.
    pub fn until(&self, end: Instant) -> Tally {
        let mut tally = Tally::default();
        while Instant::now() < end {
            tally = tally.and(self.connections(1));
        }
        tally
    }

    /// So many connections, one after the other.
    pub fn connections(&self, connections: usize) -> Tally {
        let mut tally = Tally { connections, ..Tally::default() };
        for _ in 0..connections {
            match self.connect() {
                Ok(resumed) => tally.resumed += usize::from(resumed),
                Err(_) => tally.failed += 1,
            }
        }
        tally
    }

    /// One connection, until the client has a session; whether it resumed.
    fn connect(&self) -> Result<bool> {
        self.given.now.store(false, Relaxed);
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_hostname(NAME)?;
        if let Some(session) = &*self.given.session.lock().unwrap_or_else(PoisonError::into_inner) {
            #[expect(unsafe_code, reason = "the openssl crate has no safe way to offer a session")]
            // SAFETY: the session is of this very context.
            unsafe {
                ssl.set_session(session)?;
            }
        }
        let mut stream = SslStream::new(ssl, Wire::new(self.address, &self.given)?)?;
        stream.connect()?;
        if self.version == Version::Tls13 {
            // It comes with what is read first; that `Wire` gives no more then ends the reading.
            let _ = stream.ssl_read(&mut [0]);
            anyhow::ensure!(self.given.now.load(Relaxed), "the server gave no session");
        }
        let resumed = stream.ssl().session_reused();
        // OpenSSL takes a session for spoilt whose connection ended without.
        stream.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
        Ok(resumed)
    }
}

/// A connection. It closes by RST, so that ports do not run out. Once the server gave a session,
/// there is nothing more to read.
struct Wire {
    stream: TcpStream,
    given: Arc<Given>,
}

impl Wire {
    fn new(address: SocketAddr, given: &Arc<Given>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        Ok(Self { stream, given: Arc::clone(given) })
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given.now.load(Relaxed) { Err(ErrorKind::WouldBlock.into()) } else { self.stream.read(buffer) }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
