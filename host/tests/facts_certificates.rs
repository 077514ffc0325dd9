//! Facts of OpenSSL about client certificates, times and lifetimes, each as it shows through the host.

use crate::support;

use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use openssl::ssl::{Ssl, SslContext, SslSession, SslStream, SslVerifyMode, SslVersion};
use reprise::{Host, HostBuilder, Listener};
use support::{
    policies::lied_to,
    post_handshake::{answering, ask_later},
    spy::Spy,
    *,
};

const DAY: u64 = 24 * 60 * 60;

/// A clock set by hand. It starts now, for certificates are valid from now.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(now())))
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn drive(&self, builder: HostBuilder) -> HostBuilder {
        let clock = self.clone();
        builder.clock(move || clock.now())
    }
}

fn asking(host: &Host) -> SslContext {
    installed_as(host, Listener::named("public"), |context| asking_for_certificates(context, SslVerifyMode::PEER))
}

#[test]
fn fact_07_a_session_is_never_handed_out_itself() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = asking(&host);
    let client = Client::of(SslVersion::TLS1_2).identified(&certificates::client("known", 30));
    let first = handshake(&host, &context, &client);
    assert!(spy.seen.entry().prototype.is_some(), "decoding a certificate is dear: a live session is kept");
    // An unclean close marks the object that OpenSSL was handed as not resumable.
    for times in 1..4 {
        let again = handshake_in_c(&host, &context, &client.clone().offering(first.session()).closing_uncleanly());
        assert!(again.resumed, "time {times}: {}", again.miss());
    }
}

#[test]
fn fact_26_an_unclean_close_does_not_spoil_the_live_session_that_is_kept() {
    let host = Host::builder().build().unwrap();
    let context = asking(&host);
    for version in VERSIONS {
        let client = Client::of(version).identified(&certificates::client("known", 30));
        let first = handshake_in_c(&host, &context, &client.clone().closing_uncleanly());
        assert_eq!(first.not_kept(), "kept");
        let second = handshake(&host, &context, &client.offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
}

#[test]
fn fact_16_a_timeout_is_never_zero() {
    let (clock, spy) = (Clock::new(), Spy::default());
    let minute = Duration::from_secs(60);
    let host = clock.drive(Host::builder().store(spy.clone()).lifetime(minute).max_lifetime(minute)).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    // It is looked up in its last minute; when it is renewed, nothing of its lifetime remains.
    spy.meanwhile(move || clock.advance(60));
    let second = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(first.session()));
    assert_eq!((second.resumed, second.not_kept().as_str()), (true, "lifetime"));
    assert!(second.sessions.is_empty(), "and so there is no ticket");
}

#[test]
fn what_a_store_says_of_a_lifetime_is_clamped_by_the_hosts_own_maximum() {
    let (clock, spy) = (Clock::new(), Spy::default());
    let minute = Duration::from_secs(60);
    let host = clock.drive(Host::builder().store(spy.clone()).lifetime(minute).max_lifetime(minute)).build().unwrap();
    let context = installed(&host);
    spy.rewriting(|record, entry| (record.expires, entry.expires) = (u64::MAX, u64::MAX));
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        clock.advance(60);
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "expired"), "{version:?}");
    }
}

#[test]
fn fact_16_a_client_certificate_survives_encoding() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = asking(&host);
    // From now on decoded anew: the live session is left out.
    spy.rewriting(|_, _| {});
    for version in VERSIONS {
        let client = Client::of(version).identified(&certificates::client("known", 30));
        let first = handshake(&host, &context, &client);
        let subject = |stream: &SslStream<UnixStream>| {
            let subject = stream.ssl().peer_certificate().expect("the session has the certificate");
            assert_eq!(subject.subject_name().entries().next().unwrap().data().as_slice(), b"known");
            host.connection(stream.ssl())
        };
        let again = client.offering(first.session());
        let second = try_handshake_on(Ssl::new(&context).unwrap(), subject, &again).unwrap();
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
}

#[test]
fn fact_17_a_lifetime_is_absolute_across_tls13_renewals() {
    let (clock, spy) = (Clock::new(), Spy::default());
    // The store would give everything out for ever.
    spy.rewriting(|_, entry| entry.expires = u64::MAX);
    let hour = Duration::from_secs(3600);
    let host = clock.drive(lied_to().store(spy.clone()).lifetime(hour).max_lifetime(hour)).build().unwrap();
    let context = installed(&host);
    let authenticated = clock.now();
    let mut session = handshake(&host, &context, &Client::of(SslVersion::TLS1_3)).session().clone();
    for renewals in 1..=3 {
        clock.advance(1000);
        let again = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(&session));
        assert!(again.resumed, "{renewals}: {}", again.miss());
        let report = again.report.as_ref().unwrap();
        assert_eq!((report.authenticated, report.resumptions), (Some(authenticated), renewals));
        assert_eq!(report.expires, Some(authenticated + 3600));
        session = again.session().clone();
    }
    clock.advance(600);
    let late = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(&session));
    assert_eq!((late.resumed, late.miss().as_str()), (false, "expired"));
}

#[test]
fn fact_29_a_renewed_ticket_says_what_remains_of_the_lifetime() {
    let clock = Clock::new();
    let host = clock.drive(lied_to().max_lifetime(Duration::from_secs(10_000))).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    assert_eq!(ffi::ticket_lifetime(first.session()), 10_000);
    clock.advance(4_000);
    let second = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(first.session()));
    assert!(second.resumed);
    assert_eq!(ffi::ticket_lifetime(second.session()), 6_000);
}

/// OpenSSL drops a session whose own timeout has passed, whoever gives it; and its time must stay for 0-RTT.
#[test]
fn fact_18_openssls_own_timeout_does_not_end_a_session_early() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    spy.rewriting(|record, _| {
        let session = SslSession::from_der(&record.der).unwrap();
        // Made long before, as a session renewed by another node's clock, with a short timeout of its own.
        ffi::set_time(&session, session.time() - 5_000);
        ffi::set_timeout(&session, 3_000);
        record.der = session.to_der().unwrap().into();
    });
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
}

#[test]
fn a_session_does_not_outlive_its_client_certificate() {
    let known = certificates::client("known", 2);
    let clock = Clock::new();
    let month = Duration::from_secs(30 * DAY);
    let host = clock.drive(lied_to().lifetime(month).max_lifetime(month)).build().unwrap();
    let context = asking(&host);
    for version in VERSIONS {
        let client = Client::of(version).identified(&known);
        let first = handshake(&host, &context, &client);
        let expires = first.report.as_ref().unwrap().expires.unwrap();
        assert!(expires <= clock.now() + 2 * DAY, "{version:?}: clamped to the certificate's");
        let again = client.clone().offering(first.session());
        assert!(handshake(&host, &context, &again).resumed, "{version:?}");
    }
    clock.advance(3 * DAY);
    let late = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).identified(&known));
    assert_eq!(late.not_kept(), "lifetime", "for the host's clock it has expired");
}

/// Whatever a store says of its lifetime.
#[test]
fn a_session_whose_client_certificate_has_expired_is_a_miss() {
    for version in VERSIONS {
        let (clock, spy) = (Clock::new(), Spy::default());
        let host = clock.drive(lied_to().store(spy.clone())).build().unwrap();
        let context = asking(&host);
        spy.rewriting(|record, entry| {
            record.expires += 30 * DAY;
            entry.expires += 30 * DAY;
        });
        let client = Client::of(version).identified(&certificates::client("known", 2));
        let first = handshake(&host, &context, &client);
        clock.advance(3 * DAY);
        let late = handshake(&host, &context, &client.clone().offering(first.session()));
        assert_eq!((late.resumed, late.miss().as_str()), (false, "certificate-expired"), "{version:?}");
    }
}

/// A client that is asked for its certificate after the handshake.
fn asked_later(name: &str) -> Client {
    answering(Client::of(SslVersion::TLS1_3).identified(&certificates::client(name, 30)))
}

#[test]
fn post_handshake_authentication_refreshes_the_facts_about_the_client() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        asking_for_certificates(context, SslVerifyMode::NONE);
    });
    let talk = |client: &Client| {
        let server = Ssl::new(&context).unwrap();
        try_handshake_served(server, ask_later, |stream| host.connection(stream.ssl()), client).unwrap()
    };
    let subject = || spy.seen.record().peer_certificate.map(|certificate| (certificate.subject, certificate.verified));
    let anonymous = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    assert_eq!(subject(), None);
    let known = talk(&asked_later("known").offering(anonymous.session()));
    assert!(known.resumed);
    assert_eq!(subject(), Some(("CN=known".into(), true)));
    let renewed = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(known.session()));
    assert!(renewed.resumed, "{}", renewed.miss());
    assert_eq!(subject(), Some(("CN=known".into(), true)), "a renewal inherits it");
    let another = talk(&asked_later("another").offering(renewed.session()));
    assert!(another.resumed, "{}", another.miss());
    assert_eq!(subject(), Some(("CN=another".into(), true)), "and shows another one");
}
