//! Host invariants: what no policy can talk the host out of. Nobody here says no but the host: there is a policy that keeps
//! everything for as long as it can ask for, and resumes everything.

use crate::support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use openssl::ssl::{SslContext, SslContextBuilder, SslVerifyMode, SslVersion};
use reprise::{Alert, Host, Listener, session::Epoch};
use support::{policies::lied_to, spy::Spy, *};

#[test]
fn the_policy_that_lies_is_asked_about_every_session() {
    let host = lied_to().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        for asked in [first, second].map(|outcome| outcome.report.unwrap().policies) {
            assert!(!asked.is_empty() && asked.iter().all(|asked| &*asked.policy == "lies"), "{version:?}: {asked:?}");
        }
    }
}

/// Makes a session at one context and offers it at the other: no resumption, for this reason, and back where it was made it
/// resumes.
fn does_not_cross(host: &Host, made: Listener, offered: Listener, miss: &str) {
    let (here, there) = (installed_as(host, made, |_| {}), installed_as(host, offered, |_| {}));
    for version in VERSIONS {
        let first = handshake(host, &here, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        let elsewhere = handshake(host, &there, &again);
        assert_eq!((elsewhere.resumed, elsewhere.miss().as_str()), (false, miss), "{version:?}");
        assert!(handshake(host, &here, &again).resumed, "{version:?}");
    }
}

#[test]
fn a_session_does_not_cross_to_another_listener() {
    let host = lied_to().build().unwrap();
    does_not_cross(&host, Listener::named("public"), Listener::named("inside"), "listener");
}

#[test]
fn a_session_does_not_cross_to_another_site() {
    let host = lied_to().build().unwrap();
    let at = |site: &str| Listener::named("public").site(site);
    does_not_cross(&host, at("a"), at("b"), "site");
}

#[test]
fn fact_20_a_session_does_not_cross_to_another_epoch_of_the_configuration() {
    let host = lied_to().build().unwrap();
    let of = |configuration: &[u8]| Listener::named("public").epoch(Epoch::of(configuration));
    does_not_cross(&host, of(b"two CAs"), of(b"one CA"), "epoch");
}

#[test]
fn a_session_does_not_cross_to_another_verify_mode() {
    let host = lied_to().build().unwrap();
    let lax = installed(&host);
    let asking = installed_as(&host, Listener::named("public"), |context| {
        asking_for_certificates(context, SslVerifyMode::PEER);
    });
    for version in VERSIONS {
        let first = handshake(&host, &lax, &Client::of(version));
        let second = handshake(&host, &asking, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "verify-mode"), "{version:?}");
    }
}

#[test]
fn a_session_does_not_cross_between_a_server_name_and_none() {
    let host = lied_to().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        for (made, offered) in [(Some("a.example"), None), (None, Some("a.example"))] {
            let first = handshake(&host, &context, &Client::of(version).named(made));
            let second = handshake(&host, &context, &Client::of(version).named(offered).offering(first.session()));
            assert_eq!((second.resumed, second.miss().as_str()), (false, "server-name"), "{version:?} {made:?}");
        }
    }
}

fn without_ems(context: &mut SslContextBuilder) {
    ffi::set_options(context, ffi::NO_EXTENDED_MASTER_SECRET);
}

/// RFC 7627 section 5.3.
#[test]
fn fact_19_a_lost_master_secret_ends_the_handshake() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    let with = Client::of(SslVersion::TLS1_2);
    for single_use in [false, true] {
        spy.rewriting(move |_, entry| entry.single_use = single_use);
        let first = handshake(&host, &context, &with);
        let again = with.clone().offering(first.session());
        let lost = again.clone().adjusted(without_ems);
        for _ in 0..2 {
            assert_eq!(retry::answer(&context, &lost), Some(Alert::HANDSHAKE_FAILURE.0));
        }
        assert!(handshake(&host, &context, &again).resumed, "{single_use}: nothing was spent, and nobody else's");
        assert_eq!(handshake(&host, &context, &again).resumed, !single_use);
    }
}

#[test]
fn fact_19_what_does_not_resume_ends_no_handshake() {
    let clock = Arc::new(AtomicU64::new(2_000_000_000));
    let (now, spy) = (clock.clone(), Spy::default());
    // The store would give it out for ever.
    spy.rewriting(|_, entry| entry.expires = u64::MAX);
    let host = lied_to().store(spy).clock(move || now.load(Ordering::SeqCst)).build().unwrap();
    let context = installed(&host);
    let with = Client::of(SslVersion::TLS1_2);
    let first = handshake(&host, &context, &with);
    let lost = with.clone().adjusted(without_ems).offering(first.session());
    let miss = |context: &SslContext, client: &Client| {
        let outcome = handshake(&host, context, client);
        assert!(!outcome.resumed);
        outcome.miss()
    };
    assert_eq!(miss(&context, &lost.clone().named("b.example")), "server-name");
    let elsewhere = installed_as(&host, Listener::named("public").site("elsewhere"), |_| {});
    assert_eq!(miss(&elsewhere, &lost), "site");
    // A server that does without them is not told by the client that it does.
    let server_without = installed_as(&host, Listener::named("public"), without_ems);
    for client in [&lost, &with.clone().offering(first.session())] {
        assert_eq!(miss(&server_without, client), "extended-master-secret");
    }
    clock.fetch_add(1_000_000, Ordering::SeqCst);
    assert_eq!(miss(&context, &lost), "expired");
}

#[test]
fn fact_19_what_a_policy_refuses_ends_no_handshake() {
    let policies = policies::directory(&[("10-no.wasm", reprise_fixtures::policies::refuse_get())]);
    let host = Host::builder().policies(policies.path()).build().unwrap();
    let context = installed(&host);
    let with = Client::of(SslVersion::TLS1_2);
    let first = handshake(&host, &context, &with);
    let lost = handshake(&host, &context, &with.adjusted(without_ems).offering(first.session()));
    assert_eq!((lost.resumed, lost.miss().as_str()), (false, "policy: no"));
}

#[test]
fn fact_19_a_gained_master_secret_is_a_miss() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    let with = Client::of(SslVersion::TLS1_2);
    let first = handshake(&host, &context, &with.clone().adjusted(without_ems));
    assert!(handshake(&host, &context, &with.clone().adjusted(without_ems).offering(first.session())).resumed);
    let gained = handshake(&host, &context, &with.clone().offering(first.session()));
    assert_eq!((gained.resumed, gained.miss().as_str()), (false, "extended-master-secret"));
    // One that never had it is spent like any other.
    spy.rewriting(|_, entry| entry.single_use = true);
    let first = handshake(&host, &context, &with.clone().adjusted(without_ems));
    let again = with.adjusted(without_ems).offering(first.session());
    assert!(handshake(&host, &context, &again).resumed);
    assert_eq!(handshake(&host, &context, &again).miss(), "not-found");
}

#[test]
fn fact_28_the_extended_master_secret_is_known_when_a_session_is_kept() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    handshake(&host, &context, &Client::of(SslVersion::TLS1_2));
    assert!(spy.seen.record().extended_master_secret);
    let without = |context: &mut SslContextBuilder| ffi::set_options(context, ffi::NO_EXTENDED_MASTER_SECRET);
    handshake(&host, &context, &Client::of(SslVersion::TLS1_2).adjusted(without));
    assert!(!spy.seen.record().extended_master_secret);
    // Where the server does without, what the client offers does not matter.
    let context = installed_as(&host, Listener::named("public"), without);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_2));
    assert!(!spy.seen.record().extended_master_secret);
    assert!(handshake(&host, &context, &Client::of(SslVersion::TLS1_2).offering(first.session())).resumed);
}

#[test]
fn fact_19_a_cipher_that_the_client_does_not_offer_any_more_is_a_miss_and_no_failure() {
    let host = lied_to().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let only = |tls12: &'static str, tls13: &'static str| {
            move |context: &mut SslContextBuilder| {
                context.set_cipher_list(tls12).unwrap();
                context.set_ciphersuites(tls13).unwrap();
            }
        };
        let then = only("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_CHACHA20_POLY1305_SHA256");
        let now = only("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256");
        let first = handshake(&host, &context, &Client::of(version).adjusted(then));
        let second = handshake(&host, &context, &Client::of(version).adjusted(now).offering(first.session()));
        // OpenSSL's own client offers no TLS 1.3 session whose hash none of its ciphers has; these have the same.
        assert_eq!((second.resumed, second.miss().as_str()), (false, "cipher"), "{version:?}");
    }
}

#[test]
fn fact_20_a_cipher_that_was_disabled_since_is_a_miss() {
    let host = lied_to().build().unwrap();
    let (context, stricter) = (installed(&host), {
        installed_as(&host, Listener::named("public"), |context| {
            context.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256").unwrap();
            context.set_ciphersuites("TLS_AES_128_GCM_SHA256").unwrap();
        })
    });
    for version in VERSIONS {
        let client = Client::of(version).adjusted(|context| {
            context.set_cipher_list("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256").unwrap();
            context.set_ciphersuites("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256").unwrap();
        });
        let first = handshake(&host, &context, &client);
        let second = handshake(&host, &stricter, &client.offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "cipher"), "{version:?}");
    }
}

/// No client offers a session under another protocol version; a store that lies does.
#[test]
fn fact_19_a_session_of_another_protocol_version_is_a_miss_and_no_failure() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    let other = Arc::new(std::sync::Mutex::new(None));
    for version in VERSIONS {
        handshake(&host, &context, &Client::of(version));
        let stolen = other.lock().unwrap().replace(spy.seen.record());
        let Some(stolen) = stolen else { continue };
        spy.rewriting(move |record, _| *record = stolen.clone());
        let first = handshake(&host, &context, &Client::of(version));
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "protocol"), "{version:?}");
    }
}

#[test]
fn fact_19_a_verifying_server_without_a_session_id_context_resumes() {
    let host = lied_to().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        asking_for_certificates(context, SslVerifyMode::PEER);
    });
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
    }
}

#[test]
fn a_stored_session_that_does_not_decode_is_a_miss_and_no_failure() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    spy.rewriting(|record, _| record.der = record.der[..20].to_vec().into());
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "undecodable"), "{version:?}");
    }
}

#[test]
fn a_session_does_not_resume_past_its_lifetime() {
    let clock = Arc::new(AtomicU64::new(2_000_000_000));
    let now = clock.clone();
    let spy = Spy::default();
    // The store would still give it out.
    spy.rewriting(|_, entry| entry.expires = u64::MAX);
    let host = lied_to()
        .store(spy)
        .lifetime(std::time::Duration::from_secs(60))
        .max_lifetime(std::time::Duration::from_secs(60))
        .clock(move || now.load(Ordering::SeqCst))
        .build()
        .unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        clock.fetch_add(59, Ordering::SeqCst);
        assert!(handshake(&host, &context, &again).resumed, "{version:?}");
        clock.fetch_add(1, Ordering::SeqCst);
        let late = handshake(&host, &context, &again);
        assert_eq!((late.resumed, late.miss().as_str()), (false, "expired"), "{version:?}");
    }
}

#[test]
fn a_single_use_session_resumes_once() {
    let spy = Spy::default();
    spy.rewriting(|_, entry| entry.single_use = true);
    let host = lied_to().store(spy).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        assert!(handshake(&host, &context, &again).resumed, "{version:?}");
        assert_eq!(handshake(&host, &context, &again).miss(), "not-found", "{version:?}");
    }
}

#[test]
fn an_entry_larger_than_allowed_is_not_kept_and_the_reason_says_so() {
    let host = lied_to().max_entry(64).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let reason = first.not_kept();
        let bytes: usize = reason.strip_prefix("too-large: ").unwrap().strip_suffix(" bytes").unwrap().parse().unwrap();
        assert!(bytes > 64, "{reason}");
    }
    assert_eq!(host.store_usage().sessions, 0);
}
