//! Handshakes in memory, both ends on one thread.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    rc::Rc,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslMethod, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};

use super::server::{Case, Server};

/// One end of a pair of pipes.
struct End {
    incoming: Rc<RefCell<VecDeque<u8>>>,
    outgoing: Rc<RefCell<VecDeque<u8>>>,
}

impl End {
    fn pair() -> (End, End) {
        let (a, b) = (Rc::<RefCell<VecDeque<u8>>>::default(), Rc::<RefCell<VecDeque<u8>>>::default());
        (End { incoming: a.clone(), outgoing: b.clone() }, End { incoming: b, outgoing: a })
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { incoming.read(buffer) }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client that offers the session that it was given last.
pub struct Client {
    context: SslContext,
    given: Arc<Mutex<Option<SslSession>>>,
}

impl Client {
    /// A client of this server.
    pub fn new(server: &Server, case: Case) -> Result<Self> {
        let given = Arc::new(Mutex::new(None));
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        context.set_verify(SslVerifyMode::NONE);
        let version = if case.tls13 { SslVersion::TLS1_3 } else { SslVersion::TLS1_2 };
        context.set_min_proto_version(Some(version))?;
        context.set_max_proto_version(Some(version))?;
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        if let Some(identity) = &server.client_identity {
            context.set_certificate(&identity.certificate)?;
            context.set_private_key(&identity.key)?;
        }
        let keep = given.clone();
        context.set_new_session_callback(move |_, session| {
            *keep.lock().expect("one thread") = Some(session);
        });
        Ok(Self { context: context.build(), given })
    }

    /// Offers no session in the next handshake.
    pub fn forget(&self) {
        self.given.lock().expect("one thread").take();
    }

    /// One handshake, to the point where the client has its tickets, closed cleanly; whether it resumed.
    pub fn handshake(&mut self, server: &Server) -> Result<bool> {
        let (near, far) = End::pair();
        let mut client = Ssl::new(&self.context)?;
        client.set_hostname("a.example")?;
        if let Some(session) = &*self.given.lock().expect("one thread") {
            #[allow(unsafe_code)]
            // SAFETY: the session is of this very context.
            unsafe {
                client.set_session(session)?;
            }
        }
        client.set_connect_state();
        let mut accepting = Ssl::new(&server.context)?;
        server.attach(&mut accepting)?;
        accepting.set_accept_state();
        let mut client = SslStream::new(client, near)?;
        let mut accepting = SslStream::new(accepting, far)?;
        let (mut connected, mut accepted) = (false, false);
        while !(connected && accepted) {
            connected = connected || step(client.do_handshake())?;
            accepted = accepted || step(accepting.do_handshake())?;
        }
        // Tickets are read with what comes first, the server's close_notify.
        accepting.shutdown()?;
        let closed = client.ssl_read(&mut [0]);
        anyhow::ensure!(closed.is_err_and(|error| error.code() == ErrorCode::ZERO_RETURN), "expected close_notify");
        client.shutdown()?;
        Ok(accepting.ssl().session_reused())
    }
}

fn step(result: Result<(), openssl::ssl::Error>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
