//! The hooks in a program that knows nothing of them: this one. It is joined once, before it makes a context.

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

use openssl::ssl::{
    NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream,
    SslVersion,
};
use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Circumstances, HelloFacts, HelloResponse, Made, OfferFacts, Outcome, Resumed, SessionFacts, Stored, Ticket,
    },
    guest::{Guest, join},
};
use reprise_session::session::{Prototype, Secret, SessionId};
use reprise_testing::certificates;

/// Keeps and resumes everything, once it is known where a handshake ends up.
#[derive(Default)]
struct Keeps {
    sessions: Mutex<HashMap<SessionId, Arc<Secret>>>,
    heard: AtomicUsize,
}

struct Connection {
    here: bool,
}

static KEEPS: LazyLock<Arc<Keeps>> = LazyLock::new(Arc::default);

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

fn joined() {
    static JOINED: LazyLock<()> = LazyLock::new(|| {
        join(Guest { handler: KEEPS.clone(), listener: "here".into(), observes: false }).unwrap();
        let again = join(Guest { handler: KEEPS.clone(), listener: "here".into(), observes: false });
        assert!(again.is_err(), "it is joined once");
    });
    LazyLock::force(&JOINED);
}

/// A server's context, as a program that knows nothing of us makes it.
fn server(name: &str, change: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
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
struct Visit {
    reused: bool,
    /// As it is encoded: one whose connection ends without a goodbye is not offered again.
    session: Vec<u8>,
}

/// Both ends of a connection, to the end of a request and its answer; none if the handshake fails.
fn visit(server: &SslContext, version: SslVersion, name: &str, session: Option<&Vec<u8>>) -> Option<Visit> {
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

const BOTH: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

#[test]
fn a_servers_sessions_are_ours_from_its_second_handshake_on() {
    let server = server("one.example", |_| {});
    for version in BOTH {
        let first = visit(&server, version, "one.example", None).unwrap();
        assert!(!first.reused);
        let again = visit(&server, version, "one.example", Some(&first.session)).unwrap();
        assert!(again.reused && visit(&server, version, "one.example", Some(&again.session)).unwrap().reused);
        let unknown = format!("{version:?}.example");
        assert!(!visit(&server, version, &unknown, Some(&again.session)).unwrap().reused, "not known yet");
    }
}

/// A program that switches by the server name when OpenSSL has looked for a session, as nginx does; and that takes another mind.
#[test]
fn what_resumes_where_it_was_not_looked_for_ends_the_handshake() {
    static SWITCHES: AtomicBool = AtomicBool::new(false);
    for version in BOTH {
        let other = server("other.example", |_| {});
        let first = server("first.example", move |context| {
            context.set_servername_callback(move |ssl, _| {
                if SWITCHES.load(SeqCst) && ssl.servername(NameType::HOST_NAME) == Some("fickle.example") {
                    ssl.set_ssl_context(&other).unwrap();
                }
                Ok(())
            });
        });
        SWITCHES.store(false, SeqCst);
        let session = visit(&first, version, "fickle.example", None).unwrap().session;
        SWITCHES.store(true, SeqCst);
        assert!(visit(&first, version, "fickle.example", Some(&session)).is_none(), "{version:?}: it was switched");
        // Now it is known where it ends up; what this server keeps there resumes there.
        let there = visit(&first, version, "fickle.example", None).unwrap().session;
        assert!(visit(&first, version, "fickle.example", Some(&there)).unwrap().reused, "{version:?}");
        SWITCHES.store(false, SeqCst);
        assert!(visit(&first, version, "fickle.example", Some(&there)).is_none(), "{version:?}: it stayed");
    }
}

#[test]
fn a_program_that_turned_resumption_off_is_left_alone() {
    let off = server("off.example", |context| {
        context.set_session_cache_mode(SslSessionCacheMode::OFF);
        context.set_options(SslOptions::NO_TICKET);
    });
    for version in BOTH {
        let session = visit(&off, version, "off.example", None).unwrap().session;
        assert!(!visit(&off, version, "off.example", Some(&session)).unwrap().reused, "{version:?}");
        assert!(!KEEPS.recognises(SslSession::from_der(&session).unwrap().id()), "{version:?}");
    }
}

#[test]
fn a_client_of_the_same_program_keeps_its_own_callback() {
    static KEPT: AtomicUsize = AtomicUsize::new(0);
    let both = server("both.example", |context| {
        context.set_session_cache_mode(SslSessionCacheMode::BOTH);
        context.set_new_session_callback(|_, _| {
            KEPT.fetch_add(1, SeqCst);
        });
    });
    // As a server it is hooked by its first handshake.
    visit(&both, SslVersion::TLS1_2, "both.example", None).unwrap();
    assert_eq!(KEPT.load(SeqCst), 0, "what it makes as a server is ours");
    let plain = server("plain.example", |_| {});
    let (near, far) = UnixStream::pair().unwrap();
    let serving = thread::spawn(move || SslStream::new(Ssl::new(&plain).unwrap(), far).unwrap().accept().is_ok());
    let mut ssl = Ssl::new(&both).unwrap();
    ssl.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    let mut client = SslStream::new(ssl, near).unwrap();
    client.connect().unwrap();
    assert!(serving.join().unwrap());
    assert_eq!(KEPT.load(SeqCst), 1, "what it makes as a client is its own");
}

/// gunicorn and PHP make a context for each connection.
#[test]
fn contexts_come_and_go() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
    };
    joined();
    let make = |count| (0..count).for_each(|_| drop(SslContext::builder(SslMethod::tls()).unwrap().build()));
    make(1_000);
    let before = resident();
    make(20_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 20_000 * 64, "{grown} bytes for 20,000 contexts");
    // A session made by one context resumes by the next like it, once it is known that such contexts switch nowhere.
    let identity = certificates::certificate("each.example").names(&["each.example"]).make();
    let next = || {
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_certificate(&identity.certificate).unwrap();
        context.set_private_key(&identity.key).unwrap();
        context.build()
    };
    let first = visit(&next(), SslVersion::TLS1_3, "each.example", None).unwrap();
    assert!(visit(&next(), SslVersion::TLS1_3, "each.example", Some(&first.session)).unwrap().reused);
}
