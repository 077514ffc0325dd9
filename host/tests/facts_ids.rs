//! Facts of OpenSSL about statefulness and session ids, each as it shows through the host.

use crate::support;

use openssl::ssl::{SslContextBuilder, SslSession, SslSessionCacheMode, SslVersion};
use reprise::{Host, Listener, session::Keyring};
use support::{raw::Offer, spy::Spy, *};
use zeroize::Zeroizing;

fn key() -> Keyring {
    Keyring::new(Zeroizing::new([3; 32])).unwrap()
}

/// Offers TLS 1.2 and 1.3.
fn up_to_13(context: &mut SslContextBuilder) {
    context.set_max_proto_version(Some(SslVersion::TLS1_3)).unwrap();
}

fn only_12(context: &mut SslContextBuilder) {
    context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
}

#[test]
fn fact_01_both_versions_are_stateful_though_clients_support_tickets() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let (puts, fetches) = (spy.seen.puts(), spy.seen.fetches());
        let first = handshake(&host, &context, &Client::of(version));
        assert_eq!(spy.seen.puts(), puts + 1, "{version:?}: new_cb ran");
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}");
        assert_eq!(spy.seen.fetches(), fetches + 1, "{version:?}: get_cb ran");
    }
}

#[test]
fn fact_02_a_context_whose_cache_was_off_works_after_install() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        context.set_session_cache_mode(SslSessionCacheMode::OFF);
    });
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
    }
}

#[test]
fn fact_03_a_random_id_of_a_client_that_ends_up_in_tls12_touches_no_store() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed_as(&host, Listener::named("public"), only_12);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_2).adjusted(up_to_13));
    assert_eq!((first.resumed, first.miss().as_str()), (false, "none"), "nothing was offered");
    assert_eq!(spy.seen.fetches(), 0);
}

#[test]
fn fact_03_forged_ids_touch_no_store() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).keyring(key()).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_2));
    let mut id = first.session().id().to_vec();
    id[31] ^= 1;
    let forged = ffi::with_id(first.session(), &id);
    let second = handshake(&host, &context, &Client::of(SslVersion::TLS1_2).offering(&forged));
    assert_eq!((second.resumed, second.miss().as_str()), (false, "foreign-id"));
    raw::offend(&context, &raw::client_hello(Offer::Identities(&[&id])));
    assert_eq!(spy.seen.fetches(), 0);
    // And one that is not forged does.
    raw::offend(&context, &raw::client_hello(Offer::Identities(&[key().id([7; 16], 0).as_bytes()])));
    assert_eq!(spy.seen.fetches(), 1);
}

#[test]
fn fact_04_tls13_ids_are_32_bytes_and_resume() {
    let host = Host::builder().keyring(key()).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let id = first.report.as_ref().unwrap().session_id.unwrap();
    let der = first.session().to_der().unwrap();
    assert!(der.windows(32).any(|window| window == id.as_bytes()), "the ticket that the client got is the id");
    assert!(key().recognise(id.as_bytes()).is_some(), "it is keyed");
    assert!(handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(first.session())).resumed);
}

#[test]
fn fact_04_tls12_ids_are_32_bytes_and_keyed() {
    let host = Host::builder().keyring(key()).build().unwrap();
    let first = handshake(&host, &installed(&host), &Client::of(SslVersion::TLS1_2));
    assert!(key().recognise(first.session().id()).is_some());
}

#[test]
fn fact_05_tls13_keeps_a_session_for_each_ticket_and_one_on_resumption() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).tickets(3).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    assert_eq!((spy.seen.puts(), first.sessions.len()), (3, 3));
    let resumed = |session: &SslSession| {
        let again = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(session));
        (again.resumed, again.sessions.len())
    };
    assert_eq!(resumed(&first.sessions[0]), (true, 1));
    assert_eq!(spy.seen.puts(), 4);
    assert_eq!(resumed(&first.sessions[1]), (true, 1), "each ticket has a session of its own");
}

#[test]
fn fact_05_tls12_keeps_a_session_on_a_full_handshake_only() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).tickets(2).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_2));
    assert_eq!(spy.seen.puts(), 1);
    assert!(handshake(&host, &context, &Client::of(SslVersion::TLS1_2).offering(first.session())).resumed);
    assert_eq!(spy.seen.puts(), 1);
}

#[test]
fn fact_08_openssl_keeps_no_session_beside_the_store() {
    let host = Host::builder().max_entry(16).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert!(first.not_kept().starts_with("too-large"), "{}", first.not_kept());
        assert_eq!(ffi::internal_sessions(&context), 0, "{version:?}");
        // In TLS 1.3 the client got no ticket for it.
        let Some(session) = first.sessions.last() else { continue };
        let second = handshake(&host, &context, &Client::of(version).offering(session));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "not-found"), "{version:?}");
    }
}

#[test]
fn fact_22_openssl_has_no_cache_of_its_own_beside_the_store() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!(ffi::internal_sessions(&context), 0, "{version:?}");
    }
}

#[test]
fn fact_24_nodes_with_one_key_and_one_store_resume_each_others_sessions() {
    let store = Spy::default();
    let node = |key: Keyring| Host::builder().store(store.clone()).keyring(key).build().unwrap();
    let (one, two, stranger) = (node(key()), node(key()), node(Keyring::random().unwrap()));
    for version in VERSIONS {
        let first = handshake(&one, &installed(&one), &Client::of(version));
        let again = Client::of(version).offering(first.session());
        assert_eq!(handshake(&stranger, &installed(&stranger), &again).miss(), "foreign-id", "{version:?}");
        assert!(handshake(&two, &installed(&two), &again).resumed, "{version:?}");
    }
}

#[test]
fn fact_24_the_embedders_generator_fills_half_of_an_id() {
    let host = Host::builder().keyring(key()).build().unwrap();
    let node = Listener::named("public").id_nonce(|nonce| nonce[..4].copy_from_slice(b"node"));
    let context = installed_as(&host, node, |_| {});
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let id = first.report.as_ref().unwrap().session_id.unwrap();
        assert_eq!(&id.as_bytes()[..4], b"node", "{version:?}");
        assert!(key().recognise(id.as_bytes()).is_some(), "{version:?}");
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
    }
}

#[test]
fn fact_24_a_generator_that_panics_costs_the_session_only() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public").id_nonce(|_| panic!("on purpose")), |_| {});
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert_eq!(first.not_kept(), "foreign-id", "{version:?}");
    }
}
