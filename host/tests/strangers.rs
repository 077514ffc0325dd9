//! A stranger who has seen a session's id, which goes over the network in clear: what he can do with it, and what its
//! owner can do afterwards.

use crate::support;

use std::sync::{Arc, Mutex};

use openssl::{
    bn::BigNumContext,
    ec::{EcGroup, EcKey, PointConversionForm},
    nid::Nid,
    sha::sha384,
    ssl::{SslContextBuilder, SslSession, SslStream, SslVersion},
};
use reprise::{EarlyData, Host, Listener, fuzzing::sign_hello, session::SessionId, store::Consume};
use support::{
    early::EARLY,
    policies::directory,
    raw::{Offer, P_256, X25519, client_hello, client_hello_for, client_hello_with, client_hello_with_early_data},
    robbed::{Met, Server, once, servers, swapping},
    slow::Slow,
    wire::Wire,
    *,
};

/// The id of the session that the client was given last.
fn id(first: &Outcome) -> SessionId {
    first.report.as_ref().unwrap().session_id.unwrap()
}

#[test]
fn early_data_takes_no_tls_1_2_session_by_its_id() {
    for server in servers(Host::builder) {
        let first = server.handshake(&Client::of(SslVersion::TLS1_2));
        let hello = client_hello_with_early_data(Offer::Id(id(&first).as_bytes()));
        assert_eq!(server.meets(hello), Met::Resumes, "{}", server.what);
        let again = server.handshake(&Client::of(SslVersion::TLS1_2).offering(first.session()));
        assert!(again.resumed, "{}: {}", server.what, again.miss());
    }
}

#[test]
fn a_false_binder_takes_nothing_with_early_data() {
    for server in servers(Host::builder) {
        let first = server.handshake(&Client::of(SslVersion::TLS1_3));
        let hello = client_hello_with_early_data(Offer::Identities(&[id(&first).as_bytes()]));
        assert_eq!(server.meets(hello), Met::FalseBinder, "{}", server.what);
        let accepted = server.accepts_early(first.session());
        assert_eq!(accepted, (EARLY.to_vec(), true, EarlyData::Accepted), "{}", server.what);
        let again = server.accepts_early(first.session());
        assert_eq!(again, (vec![], false, EarlyData::Rejected), "{}: and once only", server.what);
    }
}

#[test]
fn a_false_binder_spends_no_session_for_single_use() {
    let once = once();
    for server in servers(|| Host::builder().policies(once.path())) {
        let first = server.handshake(&Client::of(SslVersion::TLS1_3));
        let id = id(&first);
        for hello in [client_hello, client_hello_with_early_data] {
            let hello = hello(Offer::Identities(&[id.as_bytes()]));
            assert_eq!(server.meets(hello), Met::FalseBinder, "{}", server.what);
        }
        let again = Client::of(SslVersion::TLS1_3).offering(first.session());
        let second = server.handshake(&again);
        assert!(second.resumed, "{}: {}", server.what, second.miss());
        assert_eq!(server.handshake(&again).miss(), "not-found", "{}: and once only", server.what);
        let accepted = server.accepts_early(second.session());
        assert_eq!(accepted, (EARLY.to_vec(), true, EarlyData::Accepted), "{}", server.what);
        let again = server.accepts_early(second.session());
        assert_eq!(again, (vec![], false, EarlyData::Rejected), "{}: and once only", server.what);
    }
}

/// The identity of a TLS 1.3 session is in clear, too.
#[test]
fn a_tls_1_2_hello_spends_no_tls_1_3_session() {
    let once = once();
    for server in servers(|| Host::builder().policies(once.path())) {
        let first = server.handshake(&Client::of(SslVersion::TLS1_3));
        let id = id(&first);
        for hello in [client_hello, client_hello_with_early_data] {
            assert_eq!(server.meets(hello(Offer::Id(id.as_bytes()))), Met::GoesOn, "{}", server.what);
        }
        let again = server.handshake(&Client::of(SslVersion::TLS1_3).offering(first.session()));
        assert!(again.resumed, "{}: {}", server.what, again.miss());
    }
}

/// A false binder at the session's own site ends the handshake. Elsewhere that would tell whose session it is.
#[test]
fn at_another_site_an_id_takes_and_tells_nothing() {
    let once = once();
    for server in servers(|| Host::builder().policies(once.path())) {
        for version in VERSIONS {
            let first = server.handshake(&Client::of(version));
            let id = id(&first);
            let identities = [id.as_bytes().as_slice()];
            let offer =
                if version == SslVersion::TLS1_3 { Offer::Identities(&identities) } else { Offer::Id(id.as_bytes()) };
            let early_data = raw::extension(42, &[]);
            for besides in [&[][..], &early_data] {
                let hello = client_hello_with("b.example", (X25519, &[9; 32]), offer, besides);
                assert_eq!(server.meets(hello), Met::GoesOn, "{} {version:?}", server.what);
            }
            let again = server.handshake(&Client::of(version).offering(first.session()));
            assert!(again.resumed, "{} {version:?}: {}", server.what, again.miss());
        }
    }
}

/// What a stranger is told does not depend on how often the session may resume.
#[test]
fn a_false_binder_ends_the_handshake_of_any_session() {
    let once = once();
    for build in [Host::builder(), Host::builder().policies(once.path())] {
        let server = Server::new(build.build().unwrap(), "memory");
        let first = server.handshake(&Client::of(SslVersion::TLS1_3));
        let hello = client_hello(Offer::Identities(&[id(&first).as_bytes()]));
        assert_eq!(server.meets(hello), Met::FalseBinder);
    }
}

#[test]
fn a_server_of_tls_1_2_takes_nothing_for_early_data() {
    for mut server in servers(Host::builder) {
        server.context = installed_as(&server.host, Listener::named("public"), |context| {
            context.set_max_early_data(1024).unwrap();
            context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        });
        let first = server.handshake(&Client::of(SslVersion::TLS1_2));
        let id = id(&first);
        let hello = client_hello_with_early_data(Offer::Both(id.as_bytes(), &[id.as_bytes()]));
        assert_eq!(server.meets(hello), Met::Resumes, "{}", server.what);
        let again = server.handshake(&Client::of(SslVersion::TLS1_2).offering(first.session()));
        assert!(again.resumed, "{}: {}", server.what, again.miss());
    }
}

/// As an owner's client makes it, over both ClientHellos.
#[test]
fn an_owner_is_known_after_a_hello_retry_request() {
    let host = Host::builder().build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let secret = Arc::new(Mutex::new(Vec::new()));
    let (sees, knows) = (seen.clone(), secret.clone());
    let listener = Listener::named("public").on_client_hello(move |hello| {
        let psk: Vec<u8> = knows.lock().unwrap().clone();
        let suite = if psk.len() == 48 { 0x1302 } else { 0x1301 };
        sees.lock().unwrap().push(reprise::fuzzing::binder_verifies(hello.ssl(), suite, &psk));
        Ok(reprise::HelloResponse::Continue)
    });
    let context = installed_as(&host, listener, |context| context.set_groups_list("P-256").unwrap());
    for (suite, length) in [("TLS_AES_128_GCM_SHA256", 32), ("TLS_AES_256_GCM_SHA384", 48)] {
        let client = Client::of(SslVersion::TLS1_3).adjusted(move |context: &mut SslContextBuilder| {
            context.set_ciphersuites(suite).unwrap();
            context.set_groups_list("X25519:P-256").unwrap();
        });
        let first = handshake(&host, &context, &client);
        let psk = psk(first.session());
        assert_eq!(psk.len(), length);
        seen.lock().unwrap().clear();
        for (psk, verifies) in [(psk.clone(), true), (vec![1; length], false)] {
            *secret.lock().unwrap() = psk;
            assert!(handshake(&host, &context, &client.clone().offering(first.session())).resumed);
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert_eq!(seen, [Some(verifies); 2], "{suite}");
        }
    }
}

fn psk(session: &SslSession) -> Vec<u8> {
    let mut psk = vec![0; session.master_key_len()];
    session.master_key(&mut psk);
    psk
}

/// A client that offers two sessions, and after the HelloRetryRequest only the second, which was not looked up before.
#[test]
fn after_a_retry_request_a_second_session_is_taken() {
    const HEADER: usize = 5;
    const SUITE: u16 = 0x1302;
    let (once, p_256) = (once(), EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap());
    let key = EcKey::generate(&p_256).unwrap();
    let mut numbers = BigNumContext::new().unwrap();
    let share = key.public_key().to_bytes(&p_256, PointConversionForm::UNCOMPRESSED, &mut numbers).unwrap();
    for mut server in servers(|| Host::builder().policies(once.path())) {
        server.context = installed_as(&server.host, Listener::named("public"), |context| {
            context.set_groups_list("P-256").unwrap();
        });
        for owner in [false, true] {
            let sessions = [(); 2].map(|()| server.handshake(&Client::of(SslVersion::TLS1_3)));
            let ids = sessions.each_ref().map(id);
            let [first, second] = sessions.each_ref().map(|outcome| psk(outcome.session()));
            let mut hello = client_hello(Offer::Identities(&[ids[0].as_bytes(), ids[1].as_bytes()]));
            assert!(sign_hello(&[], &mut hello[HEADER..], 0, SUITE, &first));
            let mut stream = SslStream::new(server.connection(), Wire::from_client(hello.clone())).unwrap();
            assert_eq!(server.meets_next(&mut stream), Met::GoesOn, "{}", server.what);
            let sent = stream.get_mut().take_sent();
            let retry = &sent[HEADER..HEADER + usize::from(u16::from_be_bytes([sent[3], sent[4]]))];

            let before = [&[254, 0, 0, 48][..], &sha384(&hello[HEADER..]), retry].concat();
            let mut hello = client_hello_for("a.example", (P_256, &share), Offer::Identities(&[ids[1].as_bytes()]));
            if owner {
                assert!(sign_hello(&before, &mut hello[HEADER..], 0, SUITE, &second));
            }
            stream.get_mut().receive(&hello);
            let expected = if owner { Met::Resumes } else { Met::FalseBinder };
            assert_eq!(server.meets_next(&mut stream), expected, "{}", server.what);
            let again = server.handshake(&Client::of(SslVersion::TLS1_3).offering(sessions[1].session()));
            assert_eq!(again.resumed, !owner, "{}: {}", server.what, again.miss());
        }
    }
}

/// What nobody has shown to be its owner's stays, and what resumes often resumes without 0-RTT.
#[test]
fn without_the_message_callback_nothing_is_taken() {
    let once = once();
    let hosts = || [Host::builder(), Host::builder().policies(once.path())].map(|host| host.build().unwrap());
    for (callback, passes_on) in [(ffi::silent as ffi::MessageCallback, false), (ffi::passing_on, true)] {
        for (host, many) in hosts().into_iter().zip([true, false]) {
            let mut context = server_context(&certificates::server());
            context.set_max_early_data(1024).unwrap();
            host.install(&mut context, Listener::named("public")).unwrap();
            ffi::set_message_callback(&mut context, callback);
            let (context, retries, what) = (context.build(), true, format!("passes on: {passes_on}, often: {many}"));
            let server = Server { host, context, retries, what };
            let first = server.handshake(&Client::of(SslVersion::TLS1_3));
            let early = server.accepts_early(first.session());
            let expected = match (passes_on, many) {
                (true, _) => (EARLY.to_vec(), true, EarlyData::Accepted),
                (false, many) => (vec![], many, EarlyData::Rejected),
            };
            assert_eq!(early, expected, "{}", server.what);
            let held = server.host.store_usage().sessions;
            let second = server.handshake(&Client::of(SslVersion::TLS1_3).offering(first.session()));
            let (resumed, miss) = match (passes_on, many) {
                (true, _) => (false, "not-found"),
                (false, true) => (true, "none"),
                (false, false) => (false, "binder"),
            };
            assert_eq!((second.resumed, second.miss().as_str()), (resumed, miss), "{}", server.what);
            assert!(server.host.store_usage().sessions > held, "{}: nothing was taken", server.what);
        }
    }
}

#[test]
fn a_hello_too_long_to_be_kept_takes_nothing() {
    let once = once();
    let server = Server::new(Host::builder().policies(once.path()).build().unwrap(), "memory");
    let first = server.handshake(&Client::of(SslVersion::TLS1_3));
    let (id, padding) = (id(&first), raw::extension(21, &[0; 17 << 10]));
    let hello = client_hello_with("a.example", (X25519, &[9; 32]), Offer::Identities(&[id.as_bytes()]), &padding);
    assert_eq!(server.meets(raw::in_records(&hello)), Met::GoesOn);
    assert!(server.handshake(&Client::of(SslVersion::TLS1_3).offering(first.session())).resumed);
}

/// An embedder may set the bound that the host has set to 0, unaware. Without the second bolt its data comes in.
#[test]
fn a_bound_set_again_lets_no_early_data_in() {
    let late = directory(&[("10-late.wasm", reprise_fixtures::policies::no_early_data())]);
    for (objects, bolted, accepts) in [(false, true, true), (true, true, false), (true, false, true)] {
        let host = if objects { Host::builder().policies(late.path()) } else { Host::builder() };
        let mut server = Server::new(host.build().unwrap(), "memory");
        server.context = installed_as(&server.host, Listener::named("public"), |context| {
            context.set_max_early_data(1024).unwrap();
            context.set_servername_callback(|ssl, _| {
                ssl.set_max_early_data(1024).unwrap();
                Ok(())
            });
        });
        if !bolted {
            ffi::allow_any_early_data(&server.context);
        }
        let first = server.handshake(&Client::of(SslVersion::TLS1_3));
        let (early, resumed, _) = server.accepts_early(first.session());
        assert_eq!((early.as_slice(), resumed), (if accepts { EARLY } else { b"" }, true), "bolted: {bolted}");
    }
}

#[test]
fn what_is_taken_is_what_was_looked_at() {
    let once = once();
    let host = Host::builder().policies(once.path()).store(swapping());
    let server = Server::new(host.build().unwrap(), "a store that swaps");
    for version in VERSIONS {
        server.handshake(&Client::of(version));
        let first = server.handshake(&Client::of(version));
        let again = server.handshake(&Client::of(version).offering(first.session()));
        assert_eq!((again.resumed, again.miss().as_str()), (false, "not-found"), "{version:?}");
    }
}

#[test]
fn what_resumes_often_is_looked_up_once_and_stays() {
    let store = Slow::bare();
    let server = Server::new(Host::builder().store(store.clone()).build().unwrap(), "watched");
    for version in VERSIONS {
        let first = server.handshake(&Client::of(version));
        let looked = [(id(&first), Consume::Never)];
        for _ in 0..2 {
            assert!(server.handshake(&Client::of(version).offering(first.session())).resumed);
            assert_eq!(store.fetched(), looked, "{version:?}");
        }
        let hello = client_hello_for("b.example", (X25519, &[9; 32]), Offer::Identities(&[looked[0].0.as_bytes()]));
        assert_eq!(server.meets(hello), Met::GoesOn);
        assert_eq!(store.fetched(), looked, "{version:?}");
    }
}
