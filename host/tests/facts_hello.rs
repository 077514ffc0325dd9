//! Facts of OpenSSL about the client-hello hook and the look-ups after it, each as it shows through the host.

use crate::support;

use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use openssl::{
    sha::sha256,
    ssl::{ClientHelloResponse, ErrorCode, Ssl, SslContextBuilder, SslStream, SslVerifyMode, SslVersion},
};
use reprise::{Alert, HelloResponse, Host, Listener, session::Keyring};
use support::{raw::Offer, spy::Spy, *};
use zeroize::Zeroizing;

/// A client whose key share the server does not take.
fn wrong_key_share(context: &mut SslContextBuilder) {
    context.set_groups_list("X25519:P-256").unwrap();
}

/// A listener that counts its ClientHellos, of which a HelloRetryRequest makes two.
fn counting(hellos: &Arc<AtomicUsize>) -> Listener {
    let hellos = hellos.clone();
    Listener::named("public").on_client_hello(move |_| {
        hellos.fetch_add(1, Ordering::SeqCst);
        Ok(HelloResponse::Continue)
    })
}

#[test]
fn fact_06_a_single_use_session_survives_a_hello_retry_request() {
    let (spy, hellos) = (Spy::default(), Arc::default());
    spy.rewriting(|_, entry| entry.single_use = true);
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed_as(&host, counting(&hellos), |context| context.set_groups_list("P-256").unwrap());
    let client = Client::of(SslVersion::TLS1_3).adjusted(wrong_key_share);
    let first = handshake(&host, &context, &client);
    assert_eq!(hellos.swap(0, Ordering::SeqCst), 2, "there was a HelloRetryRequest");
    let second = handshake(&host, &context, &client.clone().offering(first.session()));
    assert_eq!(hellos.load(Ordering::SeqCst), 2, "there was a HelloRetryRequest");
    assert!(second.resumed, "{}", second.miss());
    assert_eq!(spy.seen.fetches(), 2, "it is looked at and taken once");
    let third = handshake(&host, &context, &client.offering(first.session()));
    assert_eq!((third.resumed, third.miss().as_str()), (false, "not-found"), "and it resumes once");
}

#[test]
fn fact_06_at_most_two_identities_are_looked_up() {
    let spy = Spy::default();
    let key = Arc::new(Keyring::new(Zeroizing::new([3; 32])).unwrap());
    let host = Host::builder().store(spy.clone()).keyring(key.clone()).build().unwrap();
    let ids = [1, 2, 3, 4].map(|nonce| key.id([nonce; 16], 0));
    let identities = ids.each_ref().map(|id| &id.as_bytes()[..]);
    raw::offend(&installed(&host), &raw::client_hello(Offer::Identities(&identities)));
    assert_eq!(spy.seen.fetches(), 2);
}

#[test]
fn fact_06_an_identity_offered_twice_is_looked_up_once() {
    let spy = Spy::default();
    let key = Arc::new(Keyring::new(Zeroizing::new([3; 32])).unwrap());
    let host = Host::builder().store(spy.clone()).keyring(key.clone()).build().unwrap();
    let id = key.id([1; 16], 0);
    raw::offend(&installed(&host), &raw::client_hello(Offer::Identities(&[id.as_bytes(), id.as_bytes()])));
    assert_eq!(spy.seen.fetches(), 1);
}

#[test]
fn fact_13_the_server_name_is_known_at_the_look_up() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version).named("A.Example"));
        assert_eq!(spy.seen.record().border.server_name.as_deref(), Some("a.example"), "{version:?}");
        let again = |name| handshake(&host, &context, &Client::of(version).named(name).offering(first.session()));
        // In TLS 1.2 the client checks nothing: only the host can tell these apart.
        assert_eq!(again("b.example").miss(), "server-name", "{version:?}");
        assert!(again("a.example").resumed, "{version:?}: a name is the same in either case");
    }
}

#[test]
fn fact_23_a_hook_that_asks_for_a_retry_is_taken_up_and_the_session_resumes() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let hellos = Arc::new(AtomicUsize::new(0));
    let counter = hellos.clone();
    let listener = Listener::named("public").on_client_hello(move |_| {
        let again = counter.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        Ok(if again { HelloResponse::Retry } else { HelloResponse::Continue })
    });
    let context = installed_as(&host, listener, |_| {});
    for version in VERSIONS {
        let talk = |client: Client| {
            let serve = |stream: &mut SslStream<UnixStream>| {
                let error = stream.accept().expect_err("the hook asks for a retry");
                assert_eq!(error.code(), ErrorCode::WANT_CLIENT_HELLO_CB);
                serve(stream)
            };
            let server = Ssl::new(&context).unwrap();
            try_handshake_served(server, serve, |stream| host.connection(stream.ssl()), &client).unwrap()
        };
        let first = talk(Client::of(version));
        let second = talk(Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
    assert_eq!((hellos.load(Ordering::SeqCst), spy.seen.fetches()), (8, 2));
}

/// The context switched to has no hook, so that the one that asked for the retry was the last.
#[test]
fn fact_23_a_switch_before_a_retry_takes_effect() {
    let host = Host::builder().build().unwrap();
    let mut bare = server_context(&certificates::server());
    asking_for_certificates(&mut bare, SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let bare = bare.build();
    let listener = Listener::named("public").on_client_hello(move |hello| {
        hello.switch_to(&bare).map_err(|_| Alert::INTERNAL_ERROR)?;
        Ok(HelloResponse::Retry)
    });
    let context = installed_as(&host, listener, |_| {});
    for version in VERSIONS {
        let talk = |client: &Client| {
            let serve = |stream: &mut SslStream<UnixStream>| {
                assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
                serve(stream)
            };
            let server = Ssl::new(&context).unwrap();
            try_handshake_served(server, serve, |stream| host.connection(stream.ssl()), client)
        };
        let anonymous = Client::of(version);
        assert!(talk(&anonymous).is_err(), "{version:?}: that site insists on a certificate");
        let known = talk(&anonymous.identified(&certificates::client("known", 30))).unwrap();
        assert!(known.report.unwrap().site.is_none(), "{version:?}");
    }
}

#[test]
fn fact_23_a_context_without_the_hook_costs_the_session_only() {
    let host = Host::builder().build().unwrap();
    let bare = server_context(&certificates::server()).build();
    // After a HelloRetryRequest the hook that runs would be the bare context's.
    let listener = Listener::named("public").on_client_hello(move |hello| {
        hello.switch_to(&bare).map_err(|_| Alert::INTERNAL_ERROR)?;
        Ok(HelloResponse::Continue)
    });
    let context = installed_as(&host, listener, |context| context.set_groups_list("P-256").unwrap());
    for version in VERSIONS {
        let client = Client::of(version).adjusted(wrong_key_share);
        let first = handshake(&host, &context, &client);
        assert_eq!(first.not_kept(), "no-hook", "{version:?}");
        let kept = handshake(&host, &installed(&host), &Client::of(version));
        let second = handshake(&host, &context, &client.offering(kept.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "no-hook"), "{version:?}");
    }
}

#[test]
fn fact_23_a_hook_set_over_the_hosts_resumes_nothing_unless_it_calls_the_host() {
    let host = Host::builder().build().unwrap();
    let replaced = |calls: bool| {
        let mut context = server_context(&certificates::server());
        host.install(&mut context, Listener::named("public")).unwrap();
        context.set_client_hello_callback(move |ssl, alert| {
            if calls && reprise::on_client_hello(ssl).is_err() {
                *alert = openssl::ssl::SslAlert::DECODE_ERROR;
                return Err(openssl::error::ErrorStack::get());
            }
            Ok(ClientHelloResponse::SUCCESS)
        });
        context.build()
    };
    for version in VERSIONS {
        let (calls, silent) = (replaced(true), replaced(false));
        let first = handshake(&host, &calls, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        assert!(handshake(&host, &calls, &again).resumed, "{version:?}");
        let missed = handshake(&host, &silent, &again);
        assert_eq!((missed.resumed, missed.miss().as_str(), missed.not_kept().as_str()), (false, "no-hook", "no-hook"));
        // attach() hangs the connection's place on it before the hook; that alone resumes nothing either.
        let mut attached = Ssl::new(&silent).unwrap();
        host.attach(&mut attached, [192, 0, 2, 1].into()).unwrap();
        let missed = try_handshake_on(attached, |stream| host.connection(stream.ssl()), &again).unwrap();
        assert_eq!((missed.resumed, missed.miss().as_str()), (false, "no-hook"), "{version:?}");
    }
}

#[test]
fn fact_23_a_context_switched_after_the_hook_neither_resumes_nor_keeps() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let other = installed_as(&host, Listener::named("public").site("other"), |_| {});
    let context = installed_as(&host, Listener::named("public"), |context| {
        context.set_servername_callback(move |ssl, _| {
            ssl.set_ssl_context(&other).map_err(|_| openssl::ssl::SniError::ALERT_FATAL)
        });
    });
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert_eq!(first.not_kept(), "switched-after-hook", "{version:?}");
        let Some(session) = first.sessions.last() else { continue };
        let second = handshake(&host, &context, &Client::of(version).offering(session));
        assert!(!second.resumed, "{version:?}");
    }
    assert_eq!(spy.seen.puts(), 0);
}

#[test]
fn fact_23_a_hook_of_ones_own_that_switches_and_does_not_say_so_resumes_nothing() {
    let host = Host::builder().build().unwrap();
    let other = installed_as(&host, Listener::named("public").site("other"), |_| {});
    let mut context = server_context(&certificates::server());
    host.install(&mut context, Listener::named("public")).unwrap();
    let says_so = Arc::new(AtomicUsize::new(1));
    let says = says_so.clone();
    context.set_client_hello_callback(move |ssl, _| {
        assert_eq!(reprise::on_client_hello(ssl), Ok(HelloResponse::Continue));
        ssl.set_ssl_context(&other)?;
        if says.load(Ordering::SeqCst) == 1 {
            assert_eq!(reprise::on_client_hello(ssl), Ok(HelloResponse::Continue));
        }
        Ok(ClientHelloResponse::SUCCESS)
    });
    let context = context.build();
    for version in VERSIONS {
        says_so.store(1, Ordering::SeqCst);
        let first = handshake(&host, &context, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        assert!(handshake(&host, &context, &again).resumed, "{version:?}");
        says_so.store(0, Ordering::SeqCst);
        let missed = handshake(&host, &context, &again);
        assert_eq!((missed.resumed, missed.miss().as_str()), (false, "switched-after-hook"), "{version:?}");
    }
}

#[test]
fn fact_24_ids_differ_from_handshake_to_handshake() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    let mut seen: Vec<_> = (0..4)
        .map(|n| handshake(&host, &context, &Client::of(VERSIONS[n % 2])))
        .map(|outcome| sha256(outcome.report.unwrap().session_id.unwrap().as_bytes()))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}
