//! What leaves the process is sealed, and only what was sealed for a session, by this fleet, comes back as one.

use crate::support;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use openssl::ssl::SslVersion;
use reprise::{
    Host,
    revocation::Matcher,
    session::{Keyring, SessionId},
};
use support::{shared::Shared, *};
use zeroize::Zeroizing;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn keyring(byte: u8) -> Keyring {
    Keyring::new(Zeroizing::new([byte; 32])).unwrap()
}

fn node(shared: &Shared, name: &'static str, byte: u8) -> Host {
    Host::builder().store(shared.node(name)).keyring(keyring(byte)).build().unwrap()
}

fn kept(outcome: &Outcome) -> SessionId {
    outcome.report.as_ref().unwrap().session_id.expect("the session was kept")
}

/// A host, and the session that a client got from it.
fn with_session(shared: &Shared, version: SslVersion) -> (Host, Outcome) {
    let host = node(shared, "a", 1);
    let first = handshake(&host, &installed(&host), &Client::of(version));
    (host, first)
}

#[test]
fn what_a_shared_store_is_handed_shows_neither_secrets_nor_facts() {
    for version in VERSIONS {
        let shared = Shared::sealed();
        let (_host, first) = with_session(&shared, version);
        let record = shared.record(&kept(&first)).unwrap();
        let mut secret = vec![0; 48];
        let length = first.session().master_key(&mut secret);
        let shows = |what: &[u8]| record.windows(what.len()).any(|window| window == what);
        // Of TLS 1.3 the client has another secret than the server; what the server has is found by the name beside it.
        assert!(!shows(&secret[..length]) && !shows(b"a.example") && !shows(b"public"), "{version:?}");
    }
}

#[test]
fn a_node_with_the_keyring_resumes_what_another_sealed_and_a_stranger_does_not() {
    for version in VERSIONS {
        let shared = Shared::sealed();
        let (_a, first) = with_session(&shared, version);
        let again = Client::of(version).offering(first.session());
        let stranger = node(&shared, "stranger", 2);
        assert_eq!(handshake(&stranger, &installed(&stranger), &again).miss(), "foreign-id", "{version:?}");
        let b = node(&shared, "b", 1);
        assert!(handshake(&b, &installed(&b), &again).resumed, "{version:?}");
    }
}

#[test]
fn a_session_of_another_namespace_does_not_open() {
    for version in VERSIONS {
        let shared = Shared::sealed();
        let (_a, first) = with_session(&shared, version);
        let other = Host::builder().store(shared.node("b")).keyring(keyring(1)).namespace("other").build().unwrap();
        let second = handshake(&other, &installed(&other), &Client::of(version).offering(first.session()));
        assert!(second.miss().starts_with("unsealable: not sealed for this session"), "{}", second.miss());
    }
}

#[test]
fn what_is_changed_moved_or_sealed_otherwise_is_a_miss_that_says_so() {
    for version in VERSIONS {
        let shared = Shared::sealed();
        let (host, first) = with_session(&shared, version);
        let context = installed(&host);
        let other = handshake(&host, &context, &Client::of(version));
        let (id, good) = (kept(&first), shared.record(&kept(&first)).unwrap().to_vec());
        let moved = shared.record(&kept(&other)).unwrap().to_vec();
        let mut changed = good.clone();
        *changed.last_mut().unwrap() ^= 1;
        let mut of_version_9 = good.clone();
        of_version_9[0] = 9;
        let with_another_key = keyring(2).seal(&[b"session", b"reprise", id.as_bytes()], b"record", 0).unwrap();
        for (record, why) in [
            (changed, "not sealed for this session"),
            (moved, "not sealed for this session"),
            (good[..40].to_vec(), "not sealed for this session"),
            (Vec::new(), "not sealed for this session"),
            (of_version_9, "version 9"),
            (with_another_key, "not on the keyring"),
        ] {
            shared.replace(id, &record);
            let again = handshake(&host, &context, &Client::of(version).offering(first.session()));
            assert!(!again.resumed && again.miss().starts_with("unsealable: "), "{version:?}: {}", again.miss());
            assert!(again.miss().contains(why), "{version:?}: {why}: {}", again.miss());
        }
        shared.replace(id, &good);
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
    }
}

/// Sealed by a node whose OpenSSL writes what this one does not take.
#[test]
fn a_session_that_this_openssl_cannot_decode_is_a_miss() {
    for version in VERSIONS {
        let shared = Shared::sealed();
        let (host, first) = with_session(&shared, version);
        let id = kept(&first);
        let keys = keyring(1);
        let associated: [&[u8]; 3] = [b"session", b"reprise", id.as_bytes()];
        let plain = keys.open_sealed(&associated, &shared.record(&id).unwrap()).unwrap();
        let mut record = reprise::session::Record::decode(&plain).unwrap();
        record.der = record.der[1..].to_vec().into();
        shared.replace(id, &keys.seal(&associated, &record.encode().unwrap(), 0).unwrap());
        let again = handshake(&host, &installed(&host), &Client::of(version).offering(first.session()));
        assert_eq!((again.resumed, again.miss().as_str()), (false, "undecodable"), "{version:?}");
    }
}

#[test]
fn sessions_sealed_before_a_rotation_resume_after_it_and_new_ones_have_the_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keyring");
    let lines: Vec<String> = [(1, 0), (2, 1)].map(|(byte, from)| line(byte, from)).into();
    write(&file, &lines[..1]);
    let keys = Arc::new(Keyring::open(&file).unwrap());
    let shared = Shared::sealed();
    let host = Host::builder().store(shared.node("a")).keyring(keys.clone()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        write(&file, &lines[..1]);
        keys.reload().unwrap();
        let old = handshake(&host, &context, &Client::of(version));
        write(&file, &lines);
        assert!(keys.reload().unwrap());
        let new = handshake(&host, &context, &Client::of(version));
        let key_ids = [&old, &new].map(|outcome| shared.record(&kept(outcome)).unwrap()[1..5].to_vec());
        assert_ne!(key_ids[0], key_ids[1], "{version:?}");
        for before in [&old, &new] {
            let again = Client::of(version).offering(before.session());
            assert!(handshake(&host, &context, &again).resumed, "{version:?}");
        }
        // The first key is gone: neither its ids nor its seals are known.
        write(&file, &lines[1..]);
        assert!(keys.reload().unwrap());
        let offering = |outcome: &Outcome| handshake(&host, &context, &Client::of(version).offering(outcome.session()));
        assert_eq!(offering(&old).miss(), "foreign-id", "{version:?}");
    }
}

#[test]
fn revocations_are_sealed_too_and_what_does_not_open_revokes_everything() {
    let shared = Shared::sealed();
    let (a, b) = (node(&shared, "a", 1), node(&shared, "b", 1));
    let (at_b, version) = (installed(&b), VERSIONS[0]);
    let first = handshake(&a, &installed(&a), &Client::of(version));
    let again = Client::of(version).offering(first.session());
    wait(a.revoke(Matcher::ServerName("b.example".into()), None, Duration::ZERO)).unwrap();
    let notices = shared.notice_bytes();
    assert!(!notices[0].windows(9).any(|window| window == b"b.example"));
    assert_eq!(b.status().revocations.in_force, 1);
    assert!(handshake(&b, &at_b, &again).resumed, "another name's are revoked");
    let mut changed = notices[0].clone();
    *changed.last_mut().unwrap() ^= 1;
    shared.put_notice(&changed, u64::MAX);
    assert_eq!(handshake(&b, &at_b, &again).miss(), "revoked");
}

/// What a host with a clock of its own, that is seconds ahead of the others, makes of the time.
struct Skewed {
    host: Host,
    time: Arc<AtomicU64>,
}

fn skewed(shared: &Shared, name: &'static str, ahead: u64) -> Skewed {
    // By OpenSSL's clock, which cannot be turned, sessions are a few seconds old.
    let time = Arc::new(AtomicU64::new(now() + ahead));
    let clock = time.clone();
    let host = Host::builder()
        .store(shared.node(name))
        .keyring(keyring(1))
        .lifetime(Duration::from_secs(100))
        .clock(move || clock.load(Ordering::SeqCst))
        .build()
        .unwrap();
    Skewed { host, time }
}

#[test]
fn nothing_resumes_longer_for_a_clock_that_is_wrong() {
    for version in VERSIONS {
        for (ahead_there, ahead_here) in [(0, 5), (5, 0)] {
            let shared = Shared::sealed();
            let there = skewed(&shared, "there", ahead_there);
            let here = skewed(&shared, "here", ahead_here);
            let first = handshake(&there.host, &installed(&there.host), &Client::of(version));
            let context = installed(&here.host);
            let again = Client::of(version).offering(first.session());
            let pass = |seconds| {
                shared.pass(seconds);
                for node in [&there, &here] {
                    node.time.fetch_add(seconds, Ordering::SeqCst);
                }
            };
            pass(90);
            let second = handshake(&here.host, &context, &again);
            assert!(second.resumed, "{version:?}, {ahead_there} and {ahead_here}: {}", second.miss());
            // Seen from here, it ends when it really ends, at most.
            let report = second.report.unwrap();
            let at = here.time.load(Ordering::SeqCst);
            let authenticated = report.authenticated.unwrap();
            assert!(at - authenticated >= 90, "it is {} s old", at - authenticated);
            pass(10);
            assert!(!handshake(&here.host, &context, &again).resumed, "{version:?}, {ahead_there} and {ahead_here}");
        }
    }
}

fn write(file: &std::path::Path, lines: &[String]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, format!("reprise-keyring 1\n{}\n", lines.join("\n"))).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A keyring's line for the key of this secret.
fn line(byte: u8, seals_from: u64) -> String {
    let id = keyring(byte).keys(0)[0].id;
    format!("{id} {seals_from} {}", format!("{byte:02x}").repeat(32))
}
