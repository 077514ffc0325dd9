//! A program that knows nothing of the hooks in it, and who decides behind them. A program of tests uses some of it.

#![allow(dead_code)]

use std::{
    any::Any,
    collections::HashMap,
    os::unix::net::UnixStream,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use openssl::ssl::{NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslSession, SslStream, SslVersion};
use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Circumstances, HelloFacts, HelloResponse, LeftAlone, Made, Noted, OfferFacts, Outcome, Resumed, SessionFacts,
        Stored, Ticket,
    },
    guest::{Guest, join},
};
use reprise_session::session::{Prototype, Secret, SessionId};
use reprise_testing::certificates;

/// Keeps and resumes everything, once it is known where a handshake ends up.
#[derive(Default)]
pub struct Keeps {
    pub sessions: Mutex<HashMap<SessionId, Arc<Secret>>>,
    /// ClientHellos.
    pub heard: AtomicUsize,
    /// Sessions that were offered.
    pub offered: AtomicUsize,
    /// Contexts that are left alone, and why.
    pub left_alone: Mutex<Vec<LeftAlone>>,
}

struct Connection {
    here: bool,
}

pub static KEEPS: LazyLock<Arc<Keeps>> = LazyLock::new(Arc::default);

impl Handler for Keeps {
    fn connection(&self) -> Box<dyn Handshakes> {
        Box::new(Connection { here: false })
    }

    fn new_id(&self, nonce: [u8; 16]) -> Option<SessionId> {
        let mut id = [7; 32];
        id[..16].copy_from_slice(&nonce);
        Some(SessionId::from(id))
    }

    fn recognises(&self, id: &[u8]) -> bool {
        id.get(16..) == Some(&[7; 16])
    }

    fn given_up(&self, _: SessionId, _: Circumstances) {}

    fn noted(&self, noted: Noted) -> bool {
        if let Noted::Left(why) = noted {
            self.left_alone.lock().unwrap().push(why);
        }
        true
    }
}

impl Handshakes for Connection {
    fn hello(&mut self, hello: &HelloFacts<'_>, _: Option<&Waker>) -> HelloResponse {
        KEEPS.heard.fetch_add(1, SeqCst);
        assert_eq!(hello.learns, hello.here.is_none());
        self.here = hello.here.is_some();
        HelloResponse::Continue
    }

    fn pending(&self) -> Option<Instant> {
        None
    }

    fn offered(&mut self, offer: &OfferFacts<'_>, _: Option<&Waker>) -> Option<Resumed> {
        KEEPS.offered.fetch_add(1, SeqCst);
        let id = SessionId::try_from(offer.id).ok().filter(|_| self.here)?;
        let der = KEEPS.sessions.lock().unwrap().get(&id)?.clone();
        Some(Resumed {
            id,
            session: Stored::Der(der),
            expires: u64::MAX,
            early_data: false,
            certificate: None,
            ends: false,
            decoded_wanted: false,
            renewal: None,
        })
    }

    fn decoded(&mut self, _: Prototype) {}

    fn unusable(&mut self) {}

    fn ticket(&mut self, session: &SessionFacts) -> Ticket {
        let id = SessionId::try_from(session.id.as_slice()).unwrap();
        if session.switched {
            return Ticket::Withheld;
        }
        Ticket::Kept { id, lifetime: 60, most: 1 << 16, decoded_wanted: false }
    }

    fn made(&mut self, made: Made) {
        let encoded = made.encoding.unwrap();
        KEEPS.sessions.lock().unwrap().insert(made.id, Arc::new(encoded.der));
    }

    fn done(&mut self, _: &Outcome) {}

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The hooks are in this process.
pub fn joined() {
    static JOINED: LazyLock<()> = LazyLock::new(|| {
        join(Guest { handler: KEEPS.clone(), listener: "here".into(), observes: false }).unwrap();
        let again = join(Guest { handler: KEEPS.clone(), listener: "here".into(), observes: false });
        assert!(again.is_err(), "it is joined once");
    });
    LazyLock::force(&JOINED);
}

/// A server's context, as a program that knows nothing of us makes it.
pub fn server(name: &str, change: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
    joined();
    let identity = certificates::certificate(name).names(&[name]).make();
    let mut context = SslContext::builder(SslMethod::tls()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context.set_session_id_context(b"the program's").unwrap();
    change(&mut context);
    context.build()
}

/// What a client has in the end.
pub struct Visit {
    pub reused: bool,
    /// As it is encoded: one whose connection ends without a goodbye is not offered again.
    pub session: Vec<u8>,
}

/// Both ends of a connection, to the end of a request and its answer; none if the handshake fails.
pub fn visit(server: &SslContext, version: SslVersion, name: &str, session: Option<&Vec<u8>>) -> Option<Visit> {
    use std::io::{Read, Write};
    let (near, far) = UnixStream::pair().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    }
    let ssl = Ssl::new(server).unwrap();
    let serving = thread::spawn(move || {
        let mut stream = SslStream::new(ssl, far).unwrap();
        stream.accept().is_ok() && stream.read(&mut [0; 1]).is_ok() && stream.write_all(b"!").is_ok()
    });
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_min_proto_version(Some(version)).unwrap();
    context.set_max_proto_version(Some(version)).unwrap();
    let mut ssl = Ssl::new(&context.build()).unwrap();
    ssl.set_hostname(name).unwrap();
    if let Some(session) = session {
        // SAFETY: it was made by this program, with a context of the same kind.
        unsafe { ssl.set_session(&SslSession::from_der(session).unwrap()) }.unwrap();
    }
    let mut stream = SslStream::new(ssl, near).unwrap();
    let done = stream.connect().and_then(|()| {
        stream.ssl_write(b"?")?;
        stream.ssl_read(&mut [0; 1])
    });
    let served = serving.join().unwrap();
    done.ok().filter(|_| served)?;
    Some(Visit { reused: stream.ssl().session_reused(), session: stream.ssl().session().unwrap().to_der().unwrap() })
}

pub const BOTH: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// A server's context that, by the server name `fickle.example`, switches to another when OpenSSL has looked for a session, as nginx does:
/// as long as `switches` says so.
pub fn fickle(switches: &'static AtomicBool) -> SslContext {
    let other = server("other.example", |_| {});
    server("first.example", move |context| {
        context.set_servername_callback(move |ssl, _| {
            if switches.load(SeqCst) && ssl.servername(NameType::HOST_NAME) == Some("fickle.example") {
                ssl.set_ssl_context(&other).unwrap();
            }
            Ok(())
        });
    })
}
