//! `reprise revoke`: what an operator takes back resumes no more, and the command says who knows.

use std::process::{Command, Output};

use reprise_fixtures::policies;
use reprise_tests::{Client, Place, Version, built, certificates::client_ca};
use serde_json::Value;

/// Runs `reprise revoke` about the server of a place: its exit status, and what it said.
fn revoke(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let state = place.arg("state");
    let arguments = [&["revoke", "--state-dir", &state], arguments].concat();
    let Output { status, stdout, stderr } =
        Command::new(built::server()).args(&arguments).env_remove("RUST_LOG").output().expect("the program starts");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn a_server_name_that_is_revoked_resumes_no_more_and_another_one_does() {
    let place = Place::new();
    let server = place.serve(&[]);
    for version in Version::BOTH {
        // Names of their own: what is made within the allowance after a revocation does not resume either.
        let name = format!("{}.example", version.name().to_lowercase());
        let (ours, other) = (Client::new(version).asking_for(Some(&name)), Client::new(version));
        let session = ours.first_visit(server.address()).session;
        let kept = other.first_visit(server.address()).session;
        let (status, said) = revoke(&place, &["--server-name", &name.to_uppercase()]);
        assert_eq!(status, Some(0), "{said}");
        assert!(
            said.contains(&format!("revoked: server name {name}")) && said.contains("they resume nowhere"),
            "{said}"
        );
        let visit = ours.revisit(server.address(), &session);
        assert_eq!((visit.reused, visit.report.miss_reason.as_deref()), (false, Some("revoked")), "{version:?}");
        assert!(other.revisit(server.address(), &kept).reused, "{version:?}");
    }
}

/// Whoever is sent off under one spelling must not come back under another, nor be missed by the operator's.
#[test]
fn a_revoked_name_is_revoked_in_each_spelling() {
    let place = Place::new();
    let server = place.serve(&[]);
    let named = |name: &str| Client::new(Version::Tls13).asking_for(Some(name));
    for (number, written) in ["a.example.", "A.EXAMPLE", "A.Example."].into_iter().enumerate() {
        let name = |spelled: &str| spelled.to_lowercase().replace("a.", &format!("a{number}."));
        let dotted = format!("{}.", name("a.example"));
        let session = named(&dotted).first_visit(server.address()).session;
        let session = named(&name("A.Example")).revisit(server.address(), &session);
        assert!(session.reused, "{dotted} is the same host");
        let (status, said) = revoke(&place, &["--server-name", &name(written)]);
        assert!(status == Some(0) && said.contains(&format!("server name {},", name("a.example"))), "{said}");
        let visit = named(&dotted).visit(server.address(), Some(&session.session)).expect("a full handshake");
        assert_eq!(visit.report.miss_reason.as_deref(), Some("revoked"), "{written}");
    }
}

#[test]
fn what_is_no_server_name_is_refused_and_not_revoked() {
    let place = Place::new();
    let server = place.serve(&[]);
    let client = Client::new(Version::Tls13).asking_for(Some("a.example"));
    let session = client.first_visit(server.address()).session;
    for (name, why) in [
        ("*.example", "`*`"),
        ("a.example:443", "port"),
        ("https://a.example", "URL"),
        ("a.example..", "dots"),
        ("192.0.2.1", "address"),
        ("b\u{fc}cher.example", "xn--"),
    ] {
        let (status, said) = revoke(&place, &["--server-name", name]);
        assert!(status == Some(2) && said.contains(why) && said.contains("www.example.org"), "{name}: {said}");
    }
    assert!(client.revisit(server.address(), &session).reused);
}

#[test]
fn a_client_certificate_that_is_revoked_resumes_no_more() {
    let place = Place::new();
    let ca = client_ca("Clients");
    place.write("ca.pem", ca.certificate_pem());
    let server = place.serve(&["--client-ca", &place.arg("ca.pem")]);
    for version in Version::BOTH {
        let (lost, kept) = (ca.issue_client("lost"), ca.issue_client("kept"));
        let clients = [&lost, &kept].map(|identity| Client::new(version).with(identity));
        let sessions = clients.each_ref().map(|client| client.first_visit(server.address()).session);
        let digest = lost.certificate.digest(openssl::hash::MessageDigest::sha256()).unwrap();
        let sha256: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let (status, said) = revoke(&place, &["--certificate", &sha256.join(":")]);
        assert_eq!(status, Some(0), "{said}");
        let visit = clients[0].visit(server.address(), Some(&sessions[0])).expect("a full handshake");
        assert_eq!(visit.report.miss_reason.as_deref(), Some("revoked"), "{version:?}");
        assert!(clients[1].revisit(server.address(), &sessions[1]).reused, "{version:?}");
    }
}

#[test]
fn all_sessions_are_revoked_up_to_a_time_whatever_policies_say() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    let server = place.serve(&[]);
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    let (status, said) = revoke(&place, &["--before", "1h", "--json"]);
    assert_eq!(status, Some(0), "{said}");
    let visit = client.revisit(server.address(), &session);
    assert!(visit.reused, "it was made after that");
    let (status, said) = revoke(&place, &["--all", "--json"]);
    let made: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"));
    assert_eq!((status, made["shared"].as_bool(), made["error"].is_null()), (Some(0), Some(false), true), "{said}");
    let visit = client.revisit(server.address(), &visit.session);
    assert_eq!(visit.report.miss_reason.as_deref(), Some("revoked"));
}

#[test]
fn what_names_no_sessions_is_refused_and_revokes_nothing() {
    let place = Place::new();
    let server = place.serve(&[]);
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    for (arguments, expected) in [
        (&[][..], "--all"),
        (&["--all", "--server-name", "a.example"], "cannot be used with"),
        (&["--certificate", "a5"], "64 hexadecimal digits"),
        (&["--note", "xy"], "hexadecimal"),
        (&["--before", "tomorrow"], "expected a time like"),
        (&["--before", "2026"], "no session is of that time"),
    ] {
        let (status, said) = revoke(&place, arguments);
        assert!(status == Some(2) && said.contains(expected), "{arguments:?}: {status:?} {said}");
    }
    let elsewhere = Place::new();
    let (status, said) = revoke(&elsewhere, &["--all"]);
    assert!(status == Some(1) && said.contains(&elsewhere.arg("state")), "{status:?} {said}");
    assert!(client.revisit(server.address(), &session).reused);
}

/// It may be one that is gone, whose sessions are not.
#[test]
fn a_note_of_a_policy_that_is_not_live_is_doubted() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    let _server = place.serve(&[]);
    let (status, said) = revoke(&place, &["--note", "clam=00"]);
    assert!(status == Some(0) && said.contains("no policy named clam is live at the server asked"), "{said}");
    assert!(said.contains("these are: calm"), "{said}");
    let (status, said) = revoke(&place, &["--note", "calm=00"]);
    assert!(status == Some(0) && !said.contains("is live"), "{said}");
}
