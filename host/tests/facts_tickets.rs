//! Facts of OpenSSL about TLS 1.3 tickets, each as it shows through the host: a ticket says how long its session
//! resumes, and none is sent for a session that is not kept.

use crate::support;

use std::{
    io::Read,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use openssl::{
    ssl::{Ssl, SslContext, SslContextBuilder, SslSession, SslStream, SslVerifyMode, SslVersion},
    x509::extension::SubjectAlternativeName,
};
use reprise::{Consultations, Host, HostBuilder, Listener};
use reprise_fixtures::{Callback, policies};
use support::{
    policies::{directory, lied_to},
    post_handshake::{answering, ask_later},
    spy::Spy,
    *,
};
use tempfile::TempDir;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A host with this policy, whose directory lives as long as the test.
fn with(policy: Vec<u8>) -> (TempDir, HostBuilder) {
    let directory = directory(&[("50-only.wasm", policy)]);
    let host = Host::builder().policies(directory.path());
    (directory, host)
}

fn tls13() -> Client {
    Client::of(SslVersion::TLS1_3)
}

fn asking(host: &Host) -> SslContext {
    installed_as(host, Listener::named("public"), |context| asking_for_certificates(context, SslVerifyMode::PEER))
}

/// How often policies were asked about a new session.
fn asked(told: Consultations) -> usize {
    told.filter(|decision| decision.callback == reprise::policy::Callback::New).count()
}

fn hints(sessions: &[SslSession]) -> Vec<u64> {
    sessions.iter().map(|session| ffi::ticket_lifetime(session)).collect()
}

#[test]
fn a_ticket_says_how_long_its_session_resumes() {
    let start = now();
    let (_dir, short) = with(policies::lifetime(300));
    for (builder, says) in [
        (Host::builder(), 2 * HOUR),
        (Host::builder().lifetime(seconds(600)), 600),
        (Host::builder().lifetime(seconds(600)).max_lifetime(seconds(600)), 600),
        (short, 300),
        (lied_to(), DAY),
        (lied_to().max_lifetime(seconds(HOUR + 1)).lifetime(seconds(HOUR)), HOUR + 1),
        // No ticket may say more than a week (RFC 8446 section 4.6.1).
        (lied_to().max_lifetime(seconds(30 * DAY)), 7 * DAY),
    ] {
        let spy = Spy::default();
        let host = builder.store(spy.clone()).clock(move || start).build().unwrap();
        let first = handshake(&host, &installed(&host), &tls13());
        assert_eq!(hints(&first.sessions), [says]);
        assert_eq!(says, (spy.seen.entry().expires - start).min(7 * DAY), "and so long it is kept");
    }
}

#[test]
fn a_ticket_ends_with_its_clients_certificate() {
    let known = certificates::client("known", 2);
    let start = now();
    let host = lied_to().max_lifetime(seconds(30 * DAY)).clock(move || start).build().unwrap();
    let first = handshake(&host, &asking(&host), &tls13().identified(&known));
    let expires = first.report.as_ref().unwrap().expires.unwrap();
    assert_eq!(hints(&first.sessions), [expires - start]);
    assert!((DAY..=2 * DAY).contains(&(expires - start)));
}

/// Whatever the reason, the connection goes on.
#[test]
fn no_ticket_is_sent_for_a_session_that_is_not_kept() {
    let (_refusing, refuses) = with(policies::refuse_new());
    let (_trapping, traps) = with(policies::trap_in(Callback::New));
    let (_nothing, keeps_nothing) = with(policies::lifetime(0));
    let plain = || Listener::named("public");
    let panicking = || Listener::named("public").id_nonce(|_| panic!("on purpose"));
    for (builder, listener, reason) in [
        (refuses, plain(), "policy: only"),
        (keeps_nothing, plain(), "policy: only"),
        (traps, plain(), "policy-failed: only: trap"),
        (Host::builder().max_entry(64), plain(), "too-large: "),
        (Host::builder(), panicking(), "foreign-id"),
    ] {
        let spy = Spy::default();
        let host = builder.store(spy.clone()).tickets(2).build().unwrap();
        let context = installed_as(&host, listener, |_| {});
        let first = handshake(&host, &context, &tls13());
        assert!(first.not_kept().starts_with(reason), "{reason}: {}", first.not_kept());
        assert_eq!((first.sessions.len(), spy.seen.puts()), (0, 0), "{reason}");
    }
}

#[test]
fn no_ticket_is_sent_where_the_hook_was_missed() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    ffi::unset_client_hello_callback(&context);
    let first = handshake(&host, &context, &tls13());
    assert_eq!((first.sessions.len(), first.not_kept().as_str()), (0, "no-hook"));
}

#[test]
fn no_ticket_is_sent_once_the_host_is_gone() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    drop(host);
    let other = Host::builder().build().unwrap();
    assert!(handshake(&other, &context, &tls13()).sessions.is_empty());
}

/// A stateless ticket, which OpenSSL leaves out for want of a key, must not be larger than this.
#[test]
fn a_session_too_large_for_a_ticket_fails_nothing() {
    let many = certificates::issue("many", Some(&certificates::ca()), 30, |builder| {
        let mut names = SubjectAlternativeName::new();
        for number in 0..1_100 {
            names.dns(&format!("{number:060}.example"));
        }
        let names = names.build(&builder.x509v3_context(Some(&certificates::ca().certificate), None)).unwrap();
        builder.append_extension(names).unwrap();
    });
    assert!(many.certificate.to_der().unwrap().len() > 0xff00);
    let host = Host::builder().build().unwrap();
    let context = asking(&host);
    let first = handshake(&host, &context, &tls13().identified(&many));
    assert!(first.not_kept().starts_with("too-large"), "{}", first.not_kept());
    assert!(hints(&first.sessions).iter().all(|&hint| hint == 0), "the client is to discard it");
    let second = handshake(&host, &context, &tls13().identified(&certificates::client("known", 30)));
    assert_eq!(second.not_kept(), "kept");
}

#[test]
fn each_ticket_is_asked_about_once_and_says_its_own() {
    let (_dir, counting) = with(policies::counts_in_state());
    let spy = Spy::default();
    let host = counting.store(spy.clone()).tickets(3).build().unwrap();
    let context = installed(&host);
    let told = host.consultations();
    let first = handshake(&host, &context, &tls13());
    assert_eq!((hints(&first.sessions), spy.seen.puts()), (vec![1, 2, 3], 3));
    let again = handshake(&host, &context, &tls13().offering(first.session()));
    assert_eq!((again.resumed, hints(&again.sessions)), (true, vec![4]));
    drop(host);
    assert_eq!(asked(told), 4);
}

#[test]
fn a_refused_ticket_leaves_the_next_one_as_it_is() {
    let (_dir, every_other) = with(policies::refuse_every_other());
    let spy = Spy::default();
    let host = every_other.store(spy.clone()).tickets(5).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &tls13());
    assert_eq!((first.sessions.len(), spy.seen.puts()), (3, 3));
    assert_eq!(hints(&first.sessions), [2 * HOUR; 3]);
    // The sixth session, which this resumption would make, is refused; the seventh is kept.
    let second = handshake(&host, &context, &tls13().offering(&first.sessions[0]));
    assert_eq!((second.resumed, second.sessions.len(), second.not_kept().as_str()), (true, 0, "policy: only"));
    let third = handshake(&host, &context, &tls13().offering(&first.sessions[1]));
    assert_eq!((third.resumed, third.sessions.len(), third.not_kept().as_str()), (true, 1, "kept"));
    assert!(handshake(&host, &context, &tls13().offering(third.session())).resumed);
}

#[test]
fn tickets_stay_stateful_where_one_was_left_out() {
    let (_dir, every_other) = with(policies::refuse_every_other());
    let host = every_other.tickets(2).build().unwrap();
    let context = installed(&host);
    let options = |stream: &SslStream<UnixStream>| {
        assert!(ffi::options(stream.ssl()) & ffi::NO_TICKET != 0);
        host.connection(stream.ssl())
    };
    let first = try_handshake_on(Ssl::new(&context).unwrap(), options, &tls13()).unwrap();
    assert_eq!((first.sessions.len(), first.session().to_der().unwrap().len() < 512), (1, true));
}

/// OpenSSL makes a session's id, then asks for its ticket: policies are told the id that the client gets.
#[test]
fn a_session_has_its_id_before_its_ticket() {
    let (_dir, counting) = with(policies::no_opinion());
    let host = counting.build().unwrap();
    let context = installed(&host);
    let told = host.consultations();
    let first = handshake(&host, &context, &tls13());
    let told = told.next_within(seconds(30)).unwrap();
    let id = first.report.as_ref().unwrap().session_id.unwrap();
    assert_eq!(told.session, id.to_string());
    let der = first.session().to_der().unwrap();
    assert!(der.windows(32).any(|window| window == id.as_bytes()), "it is the ticket");
}

/// A client that is asked for its certificate after the handshake.
fn asked_later() -> Client {
    answering(tls13().identified(&certificates::client("known", 2)))
}

#[test]
fn tickets_after_post_handshake_auth_say_their_own() {
    let start = now();
    let (_refusing, refuses) = with(policies::refuse_new());
    let (_other, every_other) = with(policies::refuse_every_other());
    let month = seconds(30 * DAY);
    for (builder, expected) in [
        (lied_to().lifetime(month).max_lifetime(month), vec![7 * DAY, 2 * DAY]),
        (refuses, vec![]),
        (every_other.lifetime(month).max_lifetime(month), vec![7 * DAY]),
    ] {
        let host = builder.clock(move || start).build().unwrap();
        let context = installed_as(&host, Listener::named("public"), |context| {
            asking_for_certificates(context, SslVerifyMode::NONE);
        });
        let server = Ssl::new(&context).unwrap();
        let report = |stream: &SslStream<UnixStream>| host.connection(stream.ssl());
        let talked = try_handshake_served(server, ask_later, report, &asked_later()).unwrap();
        let days: Vec<u64> = hints(&talked.sessions).iter().map(|hint| hint / DAY * DAY).collect();
        assert_eq!(days, expected);
    }
}

/// An embedder may give more tickets later (`SSL_new_session_ticket`). One that is refused ends, too.
#[test]
fn an_extra_ticket_is_asked_about_as_any_other() {
    let (_dir, every_other) = with(policies::refuse_every_other());
    let host = every_other.build().unwrap();
    let context = installed(&host);
    let told = host.consultations();
    let more = |stream: &mut SslStream<UnixStream>| {
        stream.accept().map_err(|error| error.to_string())?;
        greet(stream)?;
        for _ in 0..2 {
            assert!(ffi::new_session_ticket(stream.ssl()));
            stream.do_handshake().map_err(|error| error.to_string())?;
        }
        greet(stream)
    };
    let client = tls13().then(|stream| {
        use std::io::Write;
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(&byte).unwrap();
    });
    let report = |stream: &SslStream<UnixStream>| host.connection(stream.ssl());
    let talked = try_handshake_served(Ssl::new(&context).unwrap(), more, report, &client).unwrap();
    assert_eq!(hints(&talked.sessions), [2 * HOUR, 2 * HOUR], "of three, the second is refused");
    drop(host);
    assert_eq!(asked(told), 3);
}

/// Somebody else's ticket-key callback has keys: then the ticket goes out, and is worth nothing here.
#[test]
fn anothers_ticket_key_callback_resumes_nothing() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let (_dir, refuses) = with(policies::refuse_new());
    let host = refuses.build().unwrap();
    let mut context: SslContextBuilder = server_context(&certificates::server());
    host.install(&mut context, Listener::named("public")).unwrap();
    ffi::set_ticket_keys(&mut context, &ASKED);
    let context = context.build();
    let told = host.consultations();
    let options = |stream: &SslStream<UnixStream>| {
        assert!(ffi::options(stream.ssl()) & ffi::NO_TICKET != 0, "from the next ticket on");
        host.connection(stream.ssl())
    };
    let first = try_handshake_on(Ssl::new(&context).unwrap(), options, &tls13()).unwrap();
    assert_eq!((ASKED.load(SeqCst), hints(&first.sessions)), (1, vec![1]));
    assert_eq!(first.not_kept(), "policy: only");
    assert!(!handshake(&host, &context, &tls13().offering(first.session())).resumed);
    drop(host);
    assert_eq!(asked(told), 2, "each is asked about once");
}

#[test]
fn tls12_sessions_are_decided_as_before() {
    let (_dir, every_other) = with(policies::refuse_every_other());
    let spy = Spy::default();
    let host = every_other.store(spy.clone()).tickets(4).build().unwrap();
    let context = installed(&host);
    for (puts, kept) in [(1, "kept"), (1, "policy: only"), (2, "kept")] {
        let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_2));
        assert_eq!((spy.seen.puts(), first.not_kept().as_str()), (puts, kept));
    }
}

/// The ticket and the store's entry are of one decision, at one time.
#[test]
fn a_ticket_and_its_entry_end_at_one_time() {
    let clock = Arc::new(AtomicU64::new(now()));
    let ticking = Arc::clone(&clock);
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).clock(move || ticking.fetch_add(1, SeqCst)).build().unwrap();
    let first = handshake(&host, &installed(&host), &tls13());
    assert_eq!(hints(&first.sessions), [2 * HOUR]);
    assert!(spy.seen.entry().expires < clock.load(SeqCst) + 2 * HOUR);
}
