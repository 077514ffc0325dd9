//! Facts of OpenSSL about contexts that a connection is switched between, each as it shows through the host.

use crate::support;

use std::{os::unix::net::UnixStream, sync::Arc};

use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslOptions, SslStream, SslVerifyMode, SslVersion};
use reprise::{Alert, ClientHello, HelloResponse, Host, Listener};
use reprise_session::lock::Mutex;
use support::{policies::lied_to, spy::Spy, *};

const NO_TICKET: u64 = SslOptions::NO_TICKET.bits();

/// A listener whose hook switches connections for b.example to another context.
fn by_name(to: SslContext, site: &str) -> Listener {
    Listener::named("public").site(site).on_client_hello(move |hello: &mut ClientHello<'_>| {
        if hello.server_name() == Some("b.example") {
            hello.switch_to(&to).map_err(|_| Alert::INTERNAL_ERROR)?;
        }
        Ok(HelloResponse::Continue)
    })
}

/// The first of two sites: connections for b.example go to a second one, made as `second` says.
fn two_sites(host: &Host, second: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
    let b = installed_as(host, Listener::named("public").site("b"), second);
    installed_as(host, by_name(b, "a"), |_| {})
}

fn insisting(context: &mut SslContextBuilder) {
    asking_for_certificates(context, SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
}

#[test]
fn fact_14_a_site_that_is_not_the_first_insists_on_client_certificates() {
    let host = Host::builder().build().unwrap();
    let context = two_sites(&host, insisting);
    let known = certificates::client("known", 30);
    for version in VERSIONS {
        let anonymous = Client::of(version).named("b.example");
        assert!(try_handshake(&host, &context, &anonymous).is_err(), "{version:?}");
        assert!(try_handshake(&host, &context, &anonymous.identified(&known)).is_ok(), "{version:?}");
    }
}

#[test]
fn fact_14_a_site_that_is_not_the_first_insists_on_client_certificates_after_a_hello_retry_request() {
    let host = Host::builder().build().unwrap();
    let b = installed_as(&host, Listener::named("public").site("b"), insisting);
    let context = installed_as(&host, by_name(b, "a"), |context| context.set_groups_list("P-256").unwrap());
    let anonymous = Client::of(SslVersion::TLS1_3)
        .named("b.example")
        .adjusted(|context| context.set_groups_list("X25519:P-256").unwrap());
    assert!(try_handshake(&host, &context, &anonymous).is_err());
    let known = anonymous.identified(&certificates::client("known", 30));
    let first = handshake(&host, &context, &known);
    assert!(handshake(&host, &context, &known.offering(first.session())).resumed);
}

#[test]
fn fact_14_a_session_of_one_site_does_not_resume_at_another() {
    let host = lied_to().build().unwrap();
    let context = two_sites(&host, |_| {});
    for version in VERSIONS {
        for (made, offered) in [("a.example", "b.example"), ("b.example", "a.example")] {
            let first = handshake(&host, &context, &Client::of(version).named(made));
            let elsewhere = Client::of(version).named(offered).offering(first.session());
            let elsewhere = handshake(&host, &context, &elsewhere);
            assert_eq!((elsewhere.resumed, elsewhere.miss().as_str()), (false, "site"), "{version:?} {made}");
            assert!(handshake(&host, &context, &Client::of(version).named(made).offering(first.session())).resumed);
        }
    }
}

/// CVE-2025-23419: a client certificate that one site accepted opens another.
#[test]
fn fact_14_a_certificate_shown_at_one_site_does_not_open_another() {
    let host = lied_to().build().unwrap();
    let b = installed_as(&host, Listener::named("public").site("b"), insisting);
    let context = installed_as(&host, by_name(b, "a"), insisting);
    let known = certificates::client("known", 30);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version).identified(&known));
        let elsewhere = Client::of(version).named("b.example").offering(first.session());
        assert!(try_handshake(&host, &context, &elsewhere).is_err(), "{version:?}: no certificate, no session");
    }
}

#[test]
fn fact_14_versions_options_tickets_and_early_data_follow_the_switch() {
    let host = Host::builder().tickets(3).build().unwrap();
    let context = two_sites(&host, |context| {
        context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        context.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
        context.set_max_early_data(77).unwrap();
    });
    let both = Client::of(SslVersion::TLS1_2).named("b.example").adjusted(|context| {
        context.set_max_proto_version(Some(SslVersion::TLS1_3)).unwrap();
    });
    let seen = Arc::new(Mutex::new(None));
    let look = |stream: &SslStream<UnixStream>| {
        let ssl = stream.ssl();
        let preferred = ffi::options(ssl) & SslOptions::CIPHER_SERVER_PREFERENCE.bits() != 0;
        *seen.lock() = Some((ssl.version_str(), preferred, ssl.max_early_data(), ffi::tickets(ssl)));
        host.connection(ssl)
    };
    try_handshake_on(Ssl::new(&context).unwrap(), look, &both).unwrap();
    assert_eq!(*seen.lock(), Some(("TLSv1.2", true, 77, 3)));
}

#[test]
fn fact_14_an_option_of_the_first_site_does_not_stay_behind_at_the_second() {
    let host = Host::builder().build().unwrap();
    let b = installed_as(&host, Listener::named("public").site("b"), |_| {});
    let context = installed_as(&host, by_name(b, "a"), |context| {
        context.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
    });
    for (name, expected) in [("a.example", true), ("b.example", false)] {
        let look = |stream: &SslStream<UnixStream>| {
            let options = ffi::options(stream.ssl());
            assert_eq!(options & SslOptions::CIPHER_SERVER_PREFERENCE.bits() != 0, expected, "{name}");
            host.connection(stream.ssl())
        };
        let server = Ssl::new(&context).unwrap();
        try_handshake_on(server, look, &Client::of(SslVersion::TLS1_3).named(name)).unwrap();
    }
}

/// Tickets would resume past every border of the host's.
#[test]
fn fact_14_a_site_without_the_host_gives_no_tickets_to_its_clients() {
    let host = Host::builder().build().unwrap();
    let bare = server_context(&certificates::server()).build();
    let context = installed_as(&host, by_name(bare, "a"), |_| {});
    for version in VERSIONS {
        let client = Client::of(version).named("b.example");
        let look = |stream: &SslStream<UnixStream>| {
            assert_ne!(ffi::options(stream.ssl()) & NO_TICKET, 0);
            host.connection(stream.ssl())
        };
        let first = try_handshake_on(Ssl::new(&context).unwrap(), look, &client).unwrap();
        // In TLS 1.3 a session that is not kept has no ticket at all.
        let Some(session) = first.sessions.last() else { continue };
        let second = handshake(&host, &context, &client.offering(session));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "no-hook"), "{version:?}");
    }
}

#[test]
fn fact_15_connections_made_by_c_are_served_like_any_other() {
    let host = Host::builder().build().unwrap();
    let context = two_sites(&host, |_| {});
    for version in VERSIONS {
        for name in ["a.example", "b.example"] {
            let talk = |client: &Client| {
                let server = ffi::made_by_c(&context);
                try_handshake_on(server, |stream| host.connection(stream.ssl()), client).unwrap()
            };
            let client = Client::of(version).named(name);
            let first = talk(&client);
            let second = talk(&client.offering(first.session()));
            assert!(second.resumed, "{version:?} {name}: {}", second.miss());
            assert_eq!(second.report.unwrap().site.as_deref(), Some(&name[..1]), "{version:?}");
        }
    }
}

/// What the host compares, OpenSSL compares too: if a store lies about a session's border, the session still stays behind it.
#[test]
fn fact_30_openssl_enforces_the_border_too() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = two_sites(&host, |_| {});
    spy.rewriting(|record, _| {
        record.border.site = "b".into();
        record.border.server_name = Some("b.example".into());
    });
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let second = handshake(&host, &context, &Client::of(version).named("b.example").offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "not-taken"), "{version:?}");
    }
}

#[test]
fn fact_30_the_session_id_context_is_that_of_the_site_switched_to() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = two_sites(&host, |_| {});
    for version in VERSIONS {
        for name in ["a.example", "b.example"] {
            handshake(&host, &context, &Client::of(version).named(name));
            let record = spy.seen.record();
            let session = openssl::ssl::SslSession::from_der(&record.der).unwrap();
            assert_eq!(ffi::id_context(&session), record.border.session_id_context(), "{version:?} {name}");
        }
    }
}
