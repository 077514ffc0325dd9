//! What a policy says holds, from the moment it is live.

use reprise_fixtures::{Callback, policies};
use reprise_tests::{Client, Place, Version, python, s_client};

#[test]
fn a_session_that_a_policy_refuses_to_keep_never_resumes() {
    let place = Place::new();
    place.policy("10-never.wasm", policies::refuse_new());
    let server = place.serve(&[]);
    server.live("never", 1);
    let mut refused = Vec::new();
    for version in Version::BOTH {
        let client = Client::new(version);
        let first = client.first_visit(server.address());
        assert_eq!(first.report.verdicts("never"), ["refuse"]);
        assert_eq!(first.report.not_kept_reason.as_deref(), Some("policy: never"));
        let second = client.revisit(server.address(), &first.session);
        // In TLS 1.3 the client was given no ticket, and so offers nothing.
        let miss = if version == Version::Tls12 { Some("not-found") } else { None };
        assert_eq!((second.reused, second.report.miss_reason.as_deref()), (false, miss));
        refused.push((client, first.session));
    }
    // Nor does it afterwards, when nobody objects any more.
    place.remove("policies/10-never.wasm");
    server.log().line(&["policy unloaded", "policy=\"never\""]);
    for (client, session) in refused {
        assert!(!client.revisit(server.address(), &session).reused);
        let kept = client.first_visit(server.address()).session;
        assert!(client.revisit(server.address(), &kept).reused);
    }
}

#[test]
fn a_session_that_a_policy_refuses_to_resume_does_not_with_any_client() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("20-not.wasm", policies::refuse_get());
    let server = place.serve(&[]);
    server.live("calm", 1);
    server.live("not", 1);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        let report = client.revisit(server.address(), &session).report;
        assert_eq!((report.resumed, report.miss_reason.as_deref()), (false, Some("policy: not")));
        assert_eq!(report.verdicts("not")[0], "full-handshake");
        assert_eq!(report.verdicts("calm"), ["resume", "keep"], "a policy is asked whatever another says");

        let reused = python::visits(server.address(), version, None, &["a.example"; 2]);
        assert_eq!(reused.iter().filter(|visit| visit.reused).count(), 0, "{version:?}");
        assert_eq!(reused[1].answered().miss_reason.as_deref(), Some("policy: not"));

        let file = place.arg(version.name());
        s_client::run(server.address(), version, &["-sess_out", &file]);
        let shown = s_client::run(server.address(), version, &["-sess_in", &file]);
        assert_eq!((shown.full(), shown.resumed()), (1, 0), "{shown:?}");
    }
}

#[test]
fn a_policy_dropped_in_holds_from_the_next_handshake_and_one_taken_out_no_more() {
    let place = Place::new();
    let server = place.serve(&[]);
    let client = Client::new(Version::Tls12);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    place.policy("10-not.wasm", policies::refuse_get());
    server.live("not", 1);
    assert!(!client.revisit(server.address(), &session).reused);
    place.remove("policies/10-not.wasm");
    server.log().line(&["policy unloaded", "policy=\"not\""]);
    assert!(client.revisit(server.address(), &session).reused);
}

#[test]
fn what_cannot_go_live_is_rejected_with_its_reason_and_the_live_one_stays() {
    let place = Place::new();
    place.policy("10-not.wasm", policies::refuse_get());
    let server = place.serve(&[]);
    server.live("not", 1);
    let client = Client::new(Version::Tls13);
    for (content, reason) in [
        (b"garbage".to_vec(), "10-not.wasm"),
        (policies::none_of_the_callbacks(), "new-session"),
        (policies::trap_in_probe(Callback::Get), "get-session"),
    ] {
        place.policy("10-not.wasm", content);
        server.log().line(&["rejected", reason, "keeping generation 1"]);
        let session = client.first_visit(server.address()).session;
        let report = client.revisit(server.address(), &session).report;
        assert_eq!(report.miss_reason.as_deref(), Some("policy: not"));
    }
    place.policy("10-not.wasm", policies::no_opinion());
    server.live("not", 2);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
}

#[test]
fn settings_reach_the_policy_and_changed_ones_reload_it() {
    let place = Place::new();
    place.policy("10-zoned.wasm", policies::note_from_settings("no zone is set"));
    let server = place.serve(&[]);
    server.log().line(&["rejected", "no zone is set", "no policy of this name is live"]);
    place.policy("10-zoned.toml", "[settings]\nzone = \"north\"\n");
    server.live("zoned", 1);
    place.policy("10-zoned.toml", "[settings]\nzone = \"south\"\n");
    server.live("zoned", 2);
    let report = Client::new(Version::Tls13).first_visit(server.address()).report;
    assert_eq!((report.policies[0].generation, report.verdicts("zoned")), (2, vec!["keep"]));
    place.policy("10-zoned.toml", "[settings\n");
    server.log().line(&["rejected", "10-zoned.toml", "keeping generation 2"]);
}

#[test]
fn notes_follow_the_session_through_its_renewals() {
    let place = Place::new();
    place.policy("10-noting.wasm", policies::note(b"who it was"));
    let server = place.serve(&[]);
    server.live("noting", 1);
    for version in Version::BOTH {
        let client = Client::new(version);
        let mut session = client.first_visit(server.address()).session;
        for _ in 0..3 {
            let visit = client.revisit(server.address(), &session);
            assert!(visit.reused, "{:?}", visit.report);
            session = visit.session;
        }
    }
}
