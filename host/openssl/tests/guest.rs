//! The hooks in a program that knows nothing of them: this one. It is joined once, before it makes a context.

mod guests;

use std::{
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream, SslVersion};
use reprise_openssl::Handler;
use reprise_testing::certificates;

use guests::{BOTH, KEEPS, fickle, joined, server, visit};

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
        let first = fickle(&SWITCHES);
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

/// gunicorn and PHP make a context for each connection. `guest_contexts` makes many.
#[test]
fn the_next_context_resumes_what_one_like_it_made() {
    joined();
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
