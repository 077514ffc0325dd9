//! A policy that misbehaves while it is live costs a handful of full handshakes, and then the
//! server goes back to what worked.

use reprise_fixtures::{Callback, policies};
use reprise_tests::{Client, Place, Version};

/// Failures within the window that set a policy aside, by default.
const FAILURES: usize = 5;

#[test]
fn a_new_policy_that_traps_is_rolled_back_and_sessions_resume_as_before() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let server = place.serve(&[]);
    server.live("a", 1);
    for (version, generation) in Version::BOTH.into_iter().zip([2, 3]) {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        // As many bytes are not the same content: the second is not the one that was rolled back.
        let bad = [policies::trap_in(Callback::Get), policies::invalid_verdict_in(Callback::Get)];
        place.policy("10-a.wasm", bad[generation as usize - 2].clone());
        server.live("a", generation);
        for _ in 0..FAILURES {
            assert!(!client.revisit(server.address(), &session).reused);
        }
        server.log().line(&["rolled back to generation 1", &format!("generation={generation}")]);
        let session = client.first_visit(server.address()).session;
        assert!(client.revisit(server.address(), &session).reused);
    }
}

#[test]
fn a_policy_that_keeps_failing_is_not_called_any_more_and_a_good_file_mends_it() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::trap_in(Callback::Get));
    let server = place.serve(&["--policy-failures", "3"]);
    server.live("a", 1);
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    for _ in 0..3 {
        let visit = client.revisit(server.address(), &session);
        assert_eq!(visit.report.miss_reason.as_deref(), Some("policy-failed: a: trap"));
    }
    server.log().line(&["quarantined", "10-a.wasm", "3 traps", "tried again in 10s"]);
    let visit = client.revisit(server.address(), &session);
    assert_eq!(visit.report.miss_reason.as_deref(), Some("policy-failed: a: quarantined"));
    place.policy("10-a.wasm", policies::no_opinion());
    server.live("a", 2);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
}

#[test]
fn a_policy_in_shadow_mode_refuses_nothing_until_it_is_told_to() {
    let place = Place::new();
    place.policy("10-a.toml", "mode = \"shadow\"\n");
    place.policy("10-a.wasm", policies::refuse_get());
    let server = place.serve(&[]);
    server.live("a", 1);
    let client = Client::new(Version::Tls12);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    place.policy("10-a.toml", "mode = \"enforce\"\n");
    server.live("a", 2);
    assert!(!client.revisit(server.address(), &session).reused);
}
