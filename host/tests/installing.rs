//! Installing the host, its end, and what embedders do around it.

use crate::support;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVersion};
use reprise::{Alert, Host, InstallError, Listener, Owner, SessionCallbacks, session_callbacks};
use reprise_fixtures::{Callback, Fixture, Keep};
use support::{spy::Spy, *};

#[test]
fn a_context_with_a_session_callback_of_another_is_refused_and_left_as_it_was() {
    let host = Host::builder().build().unwrap();
    let other = Some(Owner::Other);
    let none = SessionCallbacks::default();
    for (which, expected) in [
        SessionCallbacks { new: other, ..none },
        SessionCallbacks { get: other, ..none },
        SessionCallbacks { remove: other, ..none },
    ]
    .into_iter()
    .enumerate()
    {
        let mut context = server_context(&certificates::server());
        match which {
            0 => context.set_new_session_callback(|_, _| {}),
            // SAFETY: the callback gives no session.
            1 => unsafe { context.set_get_session_callback(|_, _| None) },
            _ => context.set_remove_session_callback(|_, _| {}),
        }
        let error = host.install(&mut context, Listener::named("public")).unwrap_err();
        assert!(matches!(error, InstallError::SessionCallbacks(found) if found == expected), "{error}");
        assert!(error.to_string().contains("another's"), "{error}");
        assert_eq!(session_callbacks(&context.build()), expected);
    }
}

#[test]
fn a_host_is_installed_once_on_a_context() {
    let host = Host::builder().build().unwrap();
    let mut context = server_context(&certificates::server());
    host.install(&mut context, Listener::named("public")).unwrap();
    let ours = Some(Owner::Reprise);
    let all = SessionCallbacks { new: ours, get: ours, remove: ours };
    let error = host.install(&mut context, Listener::named("again")).unwrap_err();
    assert!(matches!(error, InstallError::SessionCallbacks(found) if found == all), "{error}");
    assert_eq!(session_callbacks(&context.build()), all);
}

#[test]
fn a_context_for_dtls_or_for_clients_is_refused_and_left_as_it_was() {
    let host = Host::builder().build().unwrap();
    for (method, is_expected) in [
        (SslMethod::dtls(), (|error| matches!(error, InstallError::Dtls)) as fn(&InstallError) -> bool),
        (SslMethod::tls_client(), |error| matches!(error, InstallError::Client)),
    ] {
        let mut context = SslContext::builder(method).unwrap();
        let error = host.install(&mut context, Listener::named("public")).unwrap_err();
        assert!(is_expected(&error), "{error}");
        assert_eq!(session_callbacks(&context.build()), SessionCallbacks::default());
    }
}

#[test]
fn contexts_and_connections_outlive_the_host_and_handshakes_are_full() {
    for version in VERSIONS {
        let host = Host::builder().build().unwrap();
        let spare = Host::builder().build().unwrap();
        let context = installed(&host);
        let first = handshake(&host, &context, &Client::of(version));
        let before = Ssl::new(&context).unwrap();
        drop(host);
        let again = Client::of(version).offering(first.session());
        for server in [before, Ssl::new(&context).unwrap()] {
            let outcome = try_handshake_on(server, |stream| spare.connection(stream.ssl()), &again).unwrap();
            assert_eq!((outcome.resumed, outcome.miss().as_str()), (false, "host-gone"), "{version:?}");
        }
    }
}

#[test]
fn a_host_may_be_dropped_in_the_middle_of_a_connection() {
    for version in VERSIONS {
        let host = Host::builder().build().unwrap();
        let spare = Host::builder().build().unwrap();
        let context = installed(&host);
        let serve = |stream: &mut SslStream<_>| {
            stream.accept().map_err(|error| error.to_string())?;
            drop(host);
            greet(stream)
        };
        let look = |stream: &SslStream<_>| spare.connection(stream.ssl());
        let client = Client::of(version).closing_uncleanly();
        try_handshake_served(Ssl::new(&context).unwrap(), serve, look, &client).unwrap();
    }
}

#[test]
fn a_panic_in_the_embedders_hook_ends_the_handshake_and_nothing_else() {
    let host = Host::builder().build().unwrap();
    let hellos = Arc::new(AtomicUsize::new(0));
    let listener = Listener::named("public").on_client_hello({
        let hellos = hellos.clone();
        move |_| match hellos.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("on purpose"),
            _ => Ok(reprise::HelloResponse::Continue),
        }
    });
    let context = installed_as(&host, listener, |_| {});
    for version in VERSIONS {
        hellos.store(0, Ordering::SeqCst);
        assert!(try_handshake(&host, &context, &Client::of(version)).is_err(), "{version:?}");
        assert!(try_handshake(&host, &context, &Client::of(version)).is_ok(), "{version:?}");
    }
}

#[test]
fn the_embedders_hook_may_refuse_with_an_alert_of_its_choice() {
    let host = Host::builder().build().unwrap();
    let listener = Listener::named("public").on_client_hello(|_| Err(Alert::UNRECOGNIZED_NAME));
    let context = installed_as(&host, listener, |_| {});
    for version in VERSIONS {
        let refused = Client::of(version);
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let server = std::thread::spawn({
            let context = context.clone();
            move || SslStream::new(Ssl::new(&context).unwrap(), near).unwrap().accept().is_err()
        });
        let error = run_client(far, &refused).err().expect("the handshake is refused");
        assert!(error.contains("unrecognized name"), "{error}");
        assert!(server.join().unwrap());
    }
}

#[test]
fn renegotiation_is_off() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    let refused = |stream: &SslStream<_>| {
        assert!(!ffi::renegotiate(stream.ssl()));
        host.connection(stream.ssl())
    };
    try_handshake_on(Ssl::new(&context).unwrap(), refused, &Client::of(SslVersion::TLS1_2)).unwrap();
}

#[test]
fn a_duplicate_of_an_attached_connection_has_a_life_of_its_own() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        // What the openssl crate hangs on its own is freed twice.
        let mut original = ffi::made_by_c(&context);
        host.attach(&mut original, [192, 0, 2, 1].into()).unwrap();
        let copy = ffi::duplicate(&original);
        drop(original);
        let look = |stream: &SslStream<_>| host.connection(stream.ssl());
        let first = try_handshake_on(copy, look, &Client::of(version)).unwrap();
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
    }
}

/// IPv4-mapped addresses are shown as IPv4.
#[test]
fn a_policy_sees_the_peer_of_a_connection_that_was_attached() {
    // `peer` is at offset 12 of a connection: whether it is there, then where, then its length.
    const LENGTH_OF_PEER: &str = "(i32.load offset=20 (local.get $facts))";
    const REFUSE: &str = "(i32.store8 (i32.const 0) (i32.const 1)) (i32.const 0)";
    let keep = Keep::default().wat();
    let body = format!(
        r#"(if (result i32) (i32.eq {LENGTH_OF_PEER} (i32.const {}))
             (then {keep}) (else {REFUSE}))"#,
        "192.0.2.1".len()
    );
    let policy = Fixture::default().once_live(Callback::New, &body).build();
    let policies = policies::directory(&[("10-peers.wasm", policy)]);
    let host = Arc::new(Host::builder().policies(policies.path()).build().unwrap());
    let context = installed(&host);
    let attaching = host.clone();
    let in_the_hook = Listener::named("public").on_client_hello(move |hello| {
        attaching.attach(hello.ssl(), [192, 0, 2, 1].into()).map_err(|_| Alert::INTERNAL_ERROR)?;
        Ok(reprise::HelloResponse::Continue)
    });
    let in_the_hook = installed_as(&host, in_the_hook, |_| {});
    for version in VERSIONS {
        assert_eq!(handshake(&host, &in_the_hook, &Client::of(version)).not_kept(), "kept", "{version:?}");
        let from = |peer: Option<&str>| {
            let mut ssl = Ssl::new(&context).unwrap();
            if let Some(peer) = peer {
                host.attach(&mut ssl, peer.parse::<IpAddr>().unwrap()).unwrap();
            }
            let look = |stream: &SslStream<_>| host.connection(stream.ssl());
            try_handshake_on(ssl, look, &Client::of(version)).unwrap().not_kept()
        };
        for peer in [Some("192.0.2.1"), Some("::ffff:192.0.2.1")] {
            assert_eq!(from(peer), "kept", "{version:?} {peer:?}");
        }
        for peer in [Some("2001:db8::1"), None] {
            assert_eq!(from(peer), "policy: peers", "{version:?} {peer:?}");
        }
    }
}
