//! A policy that fails costs full handshakes, never a failed one.

use std::net::SocketAddr;

use reprise_fixtures::{Callback, policies};
use reprise_tests::{Client, Place, Version};

/// Serves with `policy` as `10-bad.wasm` and calls `test` with a client of each version.
fn with(policy: Vec<u8>, settings: Option<&str>, test: impl Fn(&Client, SocketAddr)) {
    let place = Place::new();
    if let Some(settings) = settings {
        place.policy("10-bad.toml", settings);
    }
    place.policy("10-bad.wasm", policy);
    place.policy("20-calm.wasm", policies::no_opinion());
    let server = place.serve(&[]);
    server.live("bad", 1);
    server.live("calm", 1);
    for version in Version::BOTH {
        test(&Client::new(version), server.address());
    }
}

#[test]
fn a_policy_that_fails_on_new_sessions_keeps_none_and_lets_every_handshake_through() {
    for (policy, failure) in [
        (policies::trap_in(Callback::New), "trap"),
        (policies::loop_in(Callback::New), "deadline"),
        (policies::overflow_in(Callback::New), "trap"),
        (policies::unliftable_verdict(), "invalid"),
    ] {
        with(policy, None, |client, address| {
            let first = client.first_visit(address);
            let verdicts = first.report.verdicts("bad");
            assert!(verdicts.len() == 1 && verdicts[0].starts_with("failed-objecting: "), "{verdicts:?}");
            assert!(verdicts[0].contains(failure), "{verdicts:?}");
            assert!(first.report.not_kept_reason.unwrap().starts_with("policy-failed: bad: "));
            for _ in 0..3 {
                assert!(!client.revisit(address, &first.session).reused);
            }
        });
    }
}

#[test]
fn a_policy_that_fails_on_candidates_resumes_none_and_lets_every_handshake_through() {
    for (policy, failure) in [
        (policies::trap_in(Callback::Get), "trap"),
        (policies::loop_in(Callback::Get), "deadline"),
        (policies::invalid_verdict_in(Callback::Get), "invalid"),
    ] {
        with(policy, None, |client, address| {
            let session = client.first_visit(address).session;
            // Four in all: five would be a pattern, and the policy quarantined.
            for _ in 0..2 {
                let visit = client.revisit(address, &session);
                let reason = visit.report.miss_reason.clone().unwrap_or_default();
                assert!(!visit.reused && reason.starts_with("policy-failed: bad: "), "{reason}");
                assert!(reason.contains(failure), "{reason}");
            }
        });
    }
}

#[test]
fn a_policy_that_fails_on_removals_is_no_matter() {
    for policy in [policies::trap_in(Callback::Remove), policies::loop_in(Callback::Remove)] {
        with(policy, None, |client, address| {
            let session = client.first_visit(address).session;
            // Ends without a goodbye, which OpenSSL takes for a reason to remove the session.
            drop(client.connect(address, Some(&session)));
            assert!(client.revisit(address, &session).reused);
        });
    }
}

#[test]
fn a_failing_policy_may_be_told_to_abstain() {
    with(policies::trap_in(Callback::Get), Some("on-failure = \"abstain\"\n"), |client, address| {
        let session = client.first_visit(address).session;
        let visit = client.revisit(address, &session);
        assert!(visit.reused);
        assert_eq!(visit.report.verdicts("bad")[0], "failed-abstaining: trap");
    });
}

#[test]
fn a_policy_that_bloats_is_cut_down_and_the_next_handshake_starts_afresh() {
    with(policies::bloat(), None, |client, address| {
        let session = client.first_visit(address).session;
        // A mebibyte more each time, of 16 it may have: it fails once in a while, and the visits all succeed.
        let visits: Vec<bool> = (0..40).map(|_| client.revisit(address, &session).reused).collect();
        assert!(visits.contains(&true), "{visits:?}");
    });
}

#[test]
fn a_policy_that_is_broken_when_the_server_starts_lets_no_session_resume_until_it_is_mended() {
    let place = Place::new();
    place.policy("10-broken.wasm", b"garbage");
    place.policy("20-calm.wasm", policies::no_opinion());
    let server = place.serve(&[]);
    server.live("calm", 1);
    server.log().line(&["rejected", "10-broken.wasm"]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let first = client.first_visit(server.address());
        assert_eq!(first.report.not_kept_reason.as_deref(), Some("policy-failed: broken: not-loaded"));
        assert!(!client.revisit(server.address(), &first.session).reused);
    }
    place.policy("10-broken.wasm", policies::no_opinion());
    server.live("broken", 1);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        assert!(client.revisit(server.address(), &session).reused);
    }
}
