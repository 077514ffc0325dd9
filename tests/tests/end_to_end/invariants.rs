//! What no policy can talk the host out of. In each test a policy is in force that keeps everything
//! for as long as it can be asked for and answers `resume` to everything; where the host's own
//! limits hold, it is not even asked.

use std::{net::SocketAddr, thread, time::Duration};

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Place, Server, Session, Version,
    certificates::{client_ca, now},
};

fn serve(place: &Place, arguments: &[&str]) -> Server {
    place.policy("10-lying.wasm", policies::lying());
    let server = place.serve(arguments);
    server.live("lying", 1);
    server
}

/// A session that the lying policy kept, and answers `resume` to where it was made.
fn kept(client: &Client, server: &Server) -> Session {
    let first = client.first_visit(server.address());
    assert_eq!(first.report.verdicts("lying"), ["keep"]);
    let second = client.revisit(server.address(), &first.session);
    assert!(second.reused, "{:?}", second.report);
    assert_eq!(second.report.verdicts("lying")[0], "resume");
    second.session
}

/// Offers `session` through `client`, where it must be a miss with this reason.
fn misses(client: &Client, address: SocketAddr, session: &Session, reason: &str) {
    let visit = client.revisit(address, session);
    assert_eq!((visit.reused, visit.report.miss_reason.as_deref()), (false, Some(reason)));
    let verdicts = visit.report.verdicts("lying");
    assert!(!verdicts.contains(&"resume"), "no policy is asked about what cannot be: {verdicts:?}");
}

#[test]
fn a_session_does_not_resume_for_another_server_name_nor_for_none() {
    let place = Place::new();
    let server = serve(&place, &[]);
    for version in Version::BOTH {
        let named = Client::new(version);
        let (other, nameless) =
            (Client::new(version).asking_for(Some("b.example")), Client::new(version).asking_for(None));
        let session = kept(&named, &server);
        misses(&other, server.address(), &session, "server-name");
        misses(&nameless, server.address(), &session, "server-name");
        let session = kept(&nameless, &server);
        misses(&named, server.address(), &session, "server-name");
    }
}

#[test]
fn upper_case_is_no_other_server_name() {
    let place = Place::new();
    let server = serve(&place, &[]);
    for version in Version::BOTH {
        let session = kept(&Client::new(version), &server);
        assert!(Client::new(version).asking_for(Some("A.EXAMPLE")).revisit(server.address(), &session).reused);
    }
}

#[test]
fn a_session_does_not_resume_on_another_listener_but_on_another_address_of_its_own() {
    let place = Place::new();
    let [one, another, inside] = ["127.0.0.1:0", "127.0.0.1:0", "inside=127.0.0.1:0"];
    let server = serve(&place, &["--listen", one, "--listen", another, "--listen", inside]);
    let [_, another, inside] = *server.addresses() else { panic!("three addresses: {:?}", server.addresses()) };
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = kept(&client, &server);
        misses(&client, inside, &session, "listener");
        let session = kept(&client, &server);
        assert!(client.revisit(another, &session).reused);
    }
}

#[test]
fn a_session_does_not_resume_at_another_site() {
    let place = Place::new();
    let site = place.site("b.example", "none");
    let server = serve(&place, &["--site", &site]);
    for version in Version::BOTH {
        let session = kept(&Client::new(version), &server);
        misses(&Client::new(version).asking_for(Some("b.example")), server.address(), &session, "site");
    }
}

#[test]
fn names_under_one_wildcard_site_do_not_share_sessions() {
    let place = Place::new();
    let site = place.site("*.wild.example", "none");
    let server = serve(&place, &["--site", &site]);
    for version in Version::BOTH {
        let session = kept(&Client::new(version).asking_for(Some("x.wild.example")), &server);
        let other = Client::new(version).asking_for(Some("y.wild.example"));
        misses(&other, server.address(), &session, "server-name");
    }
}

#[test]
fn a_session_does_not_resume_after_the_client_cas_have_changed() {
    let place = Place::new();
    let (ca, other) = (client_ca("Client CA"), client_ca("Other CA"));
    place.write("clients.pem", ca.certificate_pem());
    let clients = place.arg("clients.pem");
    let server = serve(&place, &["--client-ca", &clients]);
    let alice = ca.issue_client("alice");
    let sessions = Version::BOTH.map(|version| {
        let client = Client::new(version).with(&alice);
        let session = kept(&client, &server);
        (client, session)
    });
    place.write("clients.pem", [ca.certificate_pem(), other.certificate_pem()].concat());
    server.reloaded("default", 1);
    for (client, session) in &sessions {
        misses(client, server.address(), session, "epoch");
    }
    // Where her CA is gone, she is not let in, with a session or without.
    place.write("clients.pem", other.certificate_pem());
    server.reloaded("default", 2);
    for (client, session) in &sessions {
        assert!(client.visit(server.address(), Some(session)).is_err());
    }
}

#[test]
fn a_session_does_not_resume_if_its_cipher_is_not_offered() {
    let place = Place::new();
    let server = serve(&place, &[]);
    for (version, made_with, offered) in [
        (Version::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (Version::Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ] {
        let session = kept(&Client::new(version).offering(made_with), &server);
        misses(&Client::new(version).offering(offered), server.address(), &session, "cipher");
    }
}

#[test]
fn a_session_does_not_resume_past_the_maximum_lifetime() {
    let place = Place::new();
    let server = serve(&place, &["--max-lifetime", "2s"]);
    // In TLS 1.3 a client knows how long its ticket lasts, and does not offer it any longer.
    let client = Client::new(Version::Tls12);
    let first = client.first_visit(server.address());
    let (authenticated, expires) = (first.report.authenticated.unwrap(), first.report.expires.unwrap());
    assert_eq!(expires, authenticated + 2, "whatever the policy asked for");
    past(expires);
    misses(&client, server.address(), &first.session, "not-found");
}

#[test]
fn renewals_of_a_session_do_not_outlive_the_maximum_lifetime() {
    let place = Place::new();
    let server = serve(&place, &["--max-lifetime", "1h"]);
    let client = Client::new(Version::Tls13);
    let first = client.first_visit(server.address());
    let (authenticated, expires) = (first.report.authenticated.unwrap(), first.report.expires.unwrap());
    assert_eq!(expires, authenticated + 3600);
    // So that a renewal that counts anew is a second later at least.
    past(authenticated);
    let mut session = first.session;
    for resumptions in 1..=3 {
        let visit = client.revisit(server.address(), &session);
        let report = visit.report;
        assert!(visit.reused);
        assert_eq!(
            (report.authenticated, report.expires, report.resumptions),
            (Some(authenticated), Some(expires), resumptions)
        );
        session = visit.session;
    }
}

#[test]
fn a_session_does_not_outlive_its_client_certificate() {
    let place = Place::new();
    let ca = client_ca("Client CA");
    place.write("clients.pem", ca.certificate_pem());
    let clients = place.arg("clients.pem");
    let server = serve(&place, &["--client-ca", &clients]);
    let until = now() + 8;
    let brief = ca.issue_client_for("brief", 8);
    let sessions = Version::BOTH.map(|version| {
        let client = Client::new(version).with(&brief);
        let first = client.first_visit(server.address());
        let expires = first.report.expires.unwrap();
        // The certificate was made a moment after the clock was read.
        assert!(expires <= until + 1, "{expires} is past {until}");
        (client, first.session)
    });
    past(until + 1);
    for (client, session) in sessions {
        // A resumption would not look at the certificate; the full handshake does, and it is not valid any more.
        assert!(client.visit(server.address(), Some(&session)).is_err());
    }
}

#[test]
fn a_session_does_not_resume_past_its_crls_nextupdate() {
    let place = Place::new();
    let ca = client_ca("Client CA");
    place.write("clients.pem", ca.certificate_pem());
    place.write("crl.pem", ca.revocation_list_for(8));
    let until = now() + 8;
    let server = serve(&place, &["--client-ca", &place.arg("clients.pem"), "--crl", &place.arg("crl.pem")]);
    let known = ca.issue_client("known");
    let sessions = Version::BOTH.map(|version| {
        let client = Client::new(version).with(&known);
        let session = client.first_visit(server.address()).session;
        (client, session)
    });
    past(until + 1);
    for (client, session) in &sessions {
        assert!(client.visit(server.address(), Some(session)).is_err(), "a full handshake, which is refused");
    }
    // Those of TLS 1.2 are there, and resume once there is a list again.
    place.write("crl.pem", ca.revocation_list_for(3_600));
    server.reloaded("default", 1);
    assert!(sessions[0].0.revisit(server.address(), &sessions[0].1).reused);
}

/// Waits until the clock shows a later second than this one. The clock is what is waited for, so this sleeps.
fn past(second: u64) {
    while now() <= second {
        thread::sleep(Duration::from_millis(50));
    }
}
