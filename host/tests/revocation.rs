//! What is revoked resumes nowhere, and nothing else is hit.

use crate::support;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use openssl::ssl::{SslContext, SslVerifyMode};
use reprise::{
    Host, HostBuilder, Listener,
    revocation::{ALLOWANCE, Matcher, NotShared, Revoked},
    session::Keyring,
};
use reprise_fixtures::{Callback, DATA, Fixture, Keep, policies};
use support::{policies::directory, shared::Shared, *};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn revoke(host: &Host, matcher: Matcher, until: Option<u64>) -> Result<Revoked, NotShared> {
    wait(host.revoke(matcher, until, Duration::ZERO))
}

/// Waits for what another thread does within seconds.
fn until(what: &str, happened: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::yield_now();
    }
}

fn name(name: &str) -> Matcher {
    Matcher::ServerName(name.into())
}

fn note(policy: Option<&str>, note: &[u8]) -> Matcher {
    Matcher::Note { policy: policy.map(str::to_owned), note: note.into() }
}

fn asking(host: &Host) -> SslContext {
    installed_as(host, Listener::named("public"), |context| asking_for_certificates(context, SslVerifyMode::PEER))
}

#[test]
fn each_kind_hits_what_it_names_and_nothing_else() {
    let policies = directory(&[("50-notes.wasm", policies::keep(&Keep { note: Some(2), ..Keep::default() }, b"ab"))]);
    let identity = certificates::client("client", 7);
    let sha256: [u8; 32] =
        identity.certificate.digest(openssl::hash::MessageDigest::sha256()).unwrap().as_ref().try_into().unwrap();
    let known = || Client::of(VERSIONS[0]).identified(&identity);
    for (matcher, client, hit) in [
        (name("A.Example"), known(), true),
        (name("b.example"), known(), false),
        (name("a.example"), known().named(None), false),
        (Matcher::NoServerName, known().named(None), true),
        (Matcher::NoServerName, known(), false),
        (Matcher::Certificate(sha256), known(), true),
        (Matcher::Certificate([7; 32]), known(), false),
        (Matcher::Certificate(sha256), Client::of(VERSIONS[0]), false),
        (note(None, b"ab"), known(), true),
        (note(Some("notes"), b"ab"), known(), true),
        (note(Some("other"), b"ab"), known(), false),
        (note(None, b"a"), known(), false),
        (Matcher::All, known(), true),
    ] {
        for version in VERSIONS {
            let host = Host::builder().policies(policies.path()).build().unwrap();
            let context = asking(&host);
            let client = Client { version, ..client.clone() };
            let first = handshake(&host, &context, &client);
            let made = revoke(&host, matcher.clone(), None).unwrap();
            assert!(!made.shared && made.nodes.is_empty(), "{made:?}");
            let second = handshake(&host, &context, &client.offering(first.session()));
            let expected = if hit { (false, "revoked") } else { (true, "none") };
            assert_eq!((second.resumed, second.miss().as_str()), expected, "{matcher:?} {version:?}");
        }
    }
}

/// A host whose clock the test sets.
fn with_clock(builder: HostBuilder) -> (Host, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(now()));
    let read = clock.clone();
    (builder.clock(move || read.load(Ordering::SeqCst)).build().unwrap(), clock)
}

#[test]
fn who_authenticated_after_is_not_hit_and_the_allowance_is_before() {
    for version in VERSIONS {
        let (host, clock) = with_clock(Host::builder());
        let context = installed(&host);
        let start = clock.load(Ordering::SeqCst);
        revoke(&host, name("a.example"), None).unwrap();
        let within = handshake(&host, &context, &Client::of(version));
        assert_eq!(within.not_kept(), "revoked");
        clock.store(start + ALLOWANCE + 1, Ordering::SeqCst);
        let after = handshake(&host, &context, &Client::of(version));
        assert_eq!(after.not_kept(), "kept");
        // An earlier time hits none of these, whichever came first.
        revoke(&host, Matcher::All, Some(start)).unwrap();
        let again = handshake(&host, &context, &Client::of(version).offering(after.session()));
        assert!(again.resumed, "{}", again.miss());
    }
}

#[test]
fn a_revocation_is_forgotten_when_nothing_that_it_hits_can_live() {
    let (host, clock) = with_clock(Host::builder());
    let made = revoke(&host, Matcher::All, None).unwrap();
    let days = 24 * 60 * 60;
    assert!(made.revocation.expires >= made.revocation.before + 7 * days, "{made:?}");
    assert_eq!(host.status().revocations.in_force, 1);
    clock.store(made.revocation.expires, Ordering::SeqCst);
    until("it is forgotten", || host.status().revocations.in_force == 0);
}

#[test]
fn a_renewed_session_is_hit_by_the_time_of_its_full_handshake() {
    let host = Arc::new(Host::builder().build().unwrap());
    let context = installed(&host);
    let version = VERSIONS[1];
    let first = handshake(&host, &context, &Client::of(version));
    let renewed = handshake(&host, &context, &Client::of(version).offering(first.session()));
    assert!(renewed.resumed);
    revoke(&host, name("a.example"), None).unwrap();
    // What it was renewed to has the time of the full handshake.
    let third = handshake(&host, &context, &Client::of(version).offering(renewed.session()));
    assert_eq!((third.resumed, third.miss().as_str(), third.not_kept().as_str()), (false, "revoked", "revoked"));
}

/// A policy that keeps and resumes everything, and counts what it is told an operator has revoked: `why` is at 184, after an
/// id and the session; `revoked` is the seventh.
fn told_of_revoked() -> Vec<u8> {
    let told = format!(
        "(if (i32.eq (i32.load8_u offset=184 (local.get $facts)) (i32.const 6))
           (then (call $count_up (i32.const {DATA}) (i32.const 7) (i64.const 1))))
         (i32.const 0)"
    );
    Fixture::default().no_opinion(Callback::Get).once_live(Callback::Remove, &told).data(b"revoked").build()
}

#[test]
fn what_is_revoked_leaves_the_store_once_and_policies_are_told_but_not_asked() {
    let policies = directory(&[("50-told.wasm", told_of_revoked())]);
    for version in VERSIONS {
        let host = Host::builder().policies(policies.path()).build().unwrap();
        let context = installed(&host);
        let first = handshake(&host, &context, &Client::of(version));
        revoke(&host, Matcher::All, None).unwrap();
        let offering = Client::of(version).offering(first.session());
        assert_eq!(handshake(&host, &context, &offering).miss(), "revoked");
        let told = || host.status().policies[0].counters.get("revoked").copied();
        until("the policy is told", || told() == Some(1));
        assert_eq!(host.store_usage().sessions, 0);
        assert_eq!(handshake(&host, &context, &offering).miss(), "not-found");
        assert_eq!(told(), Some(1));
    }
}

#[test]
fn no_policy_talks_the_host_out_of_it() {
    for version in VERSIONS {
        let host = support::policies::lied_to().build().unwrap();
        let context = installed(&host);
        let first = handshake(&host, &context, &Client::of(version));
        revoke(&host, name("a.example"), None).unwrap();
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "revoked"));
    }
}

fn fleet() -> (Shared, [Host; 2]) {
    let shared = Shared::default();
    let host = |name| {
        Host::builder()
            .keyring(Keyring::new(zeroize::Zeroizing::new([7; 32])).unwrap())
            .store(shared.node(name))
            .build()
            .unwrap()
    };
    let hosts = ["a", "b"].map(host);
    (shared, hosts)
}

#[test]
fn what_is_revoked_at_one_node_resumes_at_no_other_that_was_told() {
    for version in VERSIONS {
        let (shared, [a, b]) = fleet();
        let [at_a, at_b] = [&a, &b].map(installed);
        let session = handshake(&a, &at_a, &Client::of(version));
        let offering = Client::of(version).offering(session.session());
        shared.set_hearing("b", false);
        let made = revoke(&a, Matcher::All, None).unwrap();
        let known: Vec<_> = made.nodes.iter().map(|known| (known.node.as_str(), known.knows)).collect();
        assert_eq!((made.shared, known), (true, vec![("a", true), ("b", false)]));
        let elsewhere = handshake(&b, &at_b, &offering);
        assert!(elsewhere.resumed, "b was not told, and shares the store");
        shared.set_hearing("b", true);
        assert_eq!(handshake(&b, &at_b, &offering).miss(), "revoked");
        // A store that forgets takes nothing back.
        shared.wipe();
        assert_eq!(b.status().revocations.in_force, 1);
        let renewed = elsewhere.sessions.last().unwrap_or(session.session());
        assert!(!handshake(&b, &at_b, &Client::of(version).offering(renewed)).resumed);
    }
}

#[test]
fn out_of_reach_of_the_store_it_holds_here_and_the_store_is_told_when_it_is_back() {
    let (shared, [a, b]) = fleet();
    let at_a = installed(&a);
    let session = handshake(&a, &at_a, &Client::of(VERSIONS[0]));
    shared.set_reachable(false);
    let error = revoke(&a, Matcher::All, None).unwrap_err().to_string();
    assert!(error.contains("connection refused") && error.contains("revoked on this node"), "{error}");
    let offering = Client::of(VERSIONS[0]).offering(session.session());
    assert_eq!(handshake(&a, &at_a, &offering).miss(), "revoked");
    assert_eq!((a.status().revocations.untold, shared.notices()), (1, 0));
    shared.set_reachable(true);
    until("the store is told", || a.status().revocations.untold == 0);
    assert_eq!((shared.notices(), b.status().revocations.in_force), (1, 1));
}

#[test]
fn a_revocation_that_nobody_waits_for_is_told_all_the_same() {
    let (shared, [a, b]) = fleet();
    drop(a.revoke(Matcher::All, None, Duration::ZERO));
    until("the other node is told", || b.status().revocations.in_force == 1);
    assert_eq!(shared.notices(), 1);
}

#[test]
fn a_revocation_that_cannot_be_read_revokes_all_that_it_may_mean() {
    for bytes in [&b"garbage"[..], &[9, 0, 0, 0, 0xff, 0, 0, 0, 0], b""] {
        let (shared, [a, _]) = fleet();
        let at_a = installed(&a);
        let session = handshake(&a, &at_a, &Client::of(VERSIONS[0]));
        shared.put_notice(bytes, now() + 60);
        let offering = Client::of(VERSIONS[0]).offering(session.session());
        assert_eq!(handshake(&a, &at_a, &offering).miss(), "revoked", "{bytes:?}");
    }
}

#[test]
fn a_notice_that_cannot_be_read_and_is_told_again_revokes_no_more_than_before() {
    let shared = Shared::default();
    let (host, clock) = with_clock(Host::builder().store(shared.node("a")));
    let context = installed(&host);
    let start = clock.load(Ordering::SeqCst);
    shared.put_notice(b"garbage", start + 1_000);
    clock.store(start + ALLOWANCE + 1, Ordering::SeqCst);
    let after = handshake(&host, &context, &Client::of(VERSIONS[0]));
    shared.set_hearing("a", true);
    assert!(handshake(&host, &context, &Client::of(VERSIONS[0]).offering(after.session())).resumed);
}
