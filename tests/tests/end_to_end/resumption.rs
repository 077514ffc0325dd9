//! Sessions resume, in both versions, with each client; and the server tells so.

use reprise_fixtures::policies;
use reprise_tests::{Client, Place, PolicyReport, Version, certificates::now, http, python, s_client, visitors::Make};

#[test]
fn s_client_resumes_what_it_saved() {
    let place = Place::new();
    let server = place.serve(&[]);
    for version in Version::BOTH {
        let file = place.arg(version.name());
        let first = s_client::run(server.address(), version, &["-servername", "a.example", "-sess_out", &file]);
        let second = s_client::run(server.address(), version, &["-servername", "a.example", "-sess_in", &file]);
        assert_eq!((first.full(), first.resumed()), (1, 0), "{first:?}");
        assert_eq!((second.full(), second.resumed()), (0, 1), "{second:?}");
        assert!(!first.answered().resumed && second.answered().resumed);
        assert_eq!(second.answered().protocol, version.name());
    }
}

#[test]
fn s_client_resumes_each_time_it_reconnects() {
    let place = Place::new();
    let server = place.serve(&[]);
    // TLS 1.2 only: in TLS 1.3 it reconnects before it has read a ticket.
    let shown = s_client::run(server.address(), Version::Tls12, &["-servername", "a.example", "-reconnect"]);
    assert_eq!((shown.full(), shown.resumed()), (1, 5), "{shown:?}");
    assert_eq!(shown.answered().resumptions, 5);
}

#[test]
fn python_resumes() {
    let place = Place::new();
    let server = place.serve(&[]);
    for version in Version::BOTH {
        let visits = python::visits(server.address(), version, None, &["a.example"; 3]);
        let reused: Vec<bool> = visits.iter().map(|visit| visit.reused).collect();
        assert_eq!(reused, [false, true, true], "{version:?}");
        let resumed: Vec<u32> = visits.iter().map(|visit| visit.answered().resumptions).collect();
        assert_eq!(resumed, [0, 1, 2], "{version:?}");
    }
}

#[test]
fn the_openssl_crate_resumes() {
    let place = Place::new();
    let server = place.serve(&[]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let first = client.first_visit(server.address());
        let second = client.revisit(server.address(), &first.session);
        let third = client.revisit(server.address(), &second.session);
        assert!(second.reused && third.reused, "{version:?}");
    }
}

#[test]
fn a_connection_without_a_server_name_resumes_too() {
    let place = Place::new();
    let server = place.serve(&[]);
    for version in Version::BOTH {
        let client = Client::new(version).asking_for(None);
        let first = client.first_visit(server.address());
        assert_eq!(first.report.server_name, None);
        assert!(client.revisit(server.address(), &first.session).reused);
    }
}

#[test]
fn the_report_tells_how_the_session_came_to_be_and_what_each_policy_said() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("20-hour.wasm", policies::lifetime(3600));
    let server = place.serve(&["--lifetime", "2h"]);
    server.live("calm", 1);
    server.live("hour", 1);
    let said = |name: &str, verdict: &str| PolicyReport { name: name.into(), generation: 1, verdict: verdict.into() };
    for version in Version::BOTH {
        let client = Client::new(version);
        let before = now();
        let first = client.first_visit(server.address()).report;
        let authenticated = first.authenticated.unwrap();
        assert!((before..=now()).contains(&authenticated));
        // It counts from when the session was made, a moment after the hello.
        assert!(first.expires.is_some_and(|expires| (authenticated + 3600..=now() + 3600).contains(&expires)));
        assert_eq!((first.protocol.as_str(), first.server_name.as_deref()), (version.name(), Some("a.example")));
        assert_eq!((first.resumptions, first.miss_reason, first.not_kept_reason), (0, None, None));
        assert_eq!(first.policies, [said("calm", "keep"), said("hour", "keep")]);
        let id = first.session_id.unwrap();
        assert!(id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
        assert!(first.cipher.is_some());

        let session = client.first_visit(server.address()).session;
        let second = client.revisit(server.address(), &session).report;
        assert_eq!((second.resumed, second.resumptions, second.miss_reason), (true, 1, None));
        let made_anew = [said("calm", "keep"), said("hour", "keep")];
        // A policy that does not export a callback has no say in it. TLS 1.3 makes a session at each resumption.
        let expected = match version {
            Version::Tls12 => vec![said("calm", "resume"), said("hour", "no-opinion")],
            Version::Tls13 => [vec![said("calm", "resume"), said("hour", "no-opinion")], made_anew.to_vec()].concat(),
        };
        assert_eq!(second.policies, expected, "{version:?}");
    }
}

#[test]
fn without_policies_the_servers_own_lifetime_holds() {
    let place = Place::new();
    let server = place.serve(&["--lifetime", "30m"]);
    for version in Version::BOTH {
        let report = Client::new(version).first_visit(server.address()).report;
        assert_eq!(report.expires, report.authenticated.map(|at| at + 1800));
        assert_eq!(report.policies, []);
    }
}

/// Go's client knows tickets only, and sends an id at each visit all the same; so does rustls.
#[test]
fn an_id_that_clients_make_up_is_no_miss() {
    let place = Place::new();
    let server = place.serve(&["--admin", "0"]);
    for make in Make::ALL {
        let [first, second] = make.visits_twice(server.address(), Version::Tls12);
        assert_eq!((first.resumed, first.miss_reason), (false, None), "{make:?}");
        assert_eq!(second.miss_reason, None, "{make:?}");
        assert_eq!(second.resumed, !matches!(make, Make::Go), "{make:?}");
    }
    let metrics = http::get(server.admin(), "/metrics").body;
    assert!(metrics.lines().any(|line| line == "reprise_misses_total{reason=\"foreign-id\"} 0"), "{metrics}");
}

#[test]
fn an_id_that_is_not_ours_is_a_miss_and_no_more() {
    let (ours, theirs) = (Place::new(), Place::new());
    let (ours, theirs) = (ours.serve(&[]), theirs.serve(&[]));
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = client.first_visit(theirs.address()).session;
        let report = client.revisit(ours.address(), &session).report;
        assert_eq!((report.resumed, report.miss_reason.as_deref()), (false, Some("foreign-id")), "{version:?}");
    }
}
