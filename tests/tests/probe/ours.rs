//! `reprise serve`.

use std::process::Command;

use reprise_tests::{Place, built};

use crate::{WAYS, own, place_with_a_client, probe, probe_for};

/// The ways in which it resumes.
const OURS: [&str; 2] = ["tls12-id", "tls13"];

#[test]
fn it_resumes_by_ids_that_its_keyring_knows() {
    let place = Place::new();
    for file in ["keyring", "other"] {
        assert!(Command::new(built::server()).args(["keys", "new", &place.arg(file)]).status().unwrap().success());
    }
    let server = place.serve(&["--keyring", &place.arg("keyring"), "--lifetime", "10m"]);
    let probed = probe(server.address(), &["--keyring", &place.arg("keyring")]);
    assert_eq!((probed.status, probed.each(OURS, "resumes")), (Some(0), [("fine", "resumed"); 2]), "{:#}", probed.said);
    assert_eq!(probed.came_to("tls12-ticket", "resumes"), ("note", "no-session"));
    for way in OURS {
        let row = probed.row(way, "resumes");
        assert!(row["form"] == "id" && row["by_reprise"] == true, "{row:#}");
    }
    let row = probed.row("tls13", "resumes");
    assert!(row["lifetime_hint"] == 600 && row["ticket_length"] == 32 && row["sessions"] == 1, "{row:#}");
    // It resumes, and others' keys do not know how.
    let probed = probe(server.address(), &["--keyring", &place.arg("other")]);
    assert_eq!((probed.status, probed.each(OURS, "resumes")), (Some(1), [("bad", "resumed"); 2]));
    assert_eq!(probe(server.address(), &[]).status, Some(0), "that is asked only of who has a keyring");
}

#[test]
fn nothing_bad_is_found_whatever_is_asked() {
    let place = place_with_a_client();
    place.identity("b", &own("b.example"));
    let site = format!("b.example={},{},{}", place.arg("b.crt"), place.arg("b.key"), place.arg("ca.crt"));
    let server = place.serve(&["--site", &site, "--early-data", "4KiB"]);
    let elsewhere = place_with_a_client().serve(&[]);
    let (also, cert, key) = (elsewhere.address().to_string(), place.arg("client.crt"), place.arg("client.key"));
    let asked = ["--also-name", "b.example", "--also", &also, "--cert", &cert, "--key", &key];
    let probed = probe(server.address(), &asked);
    assert_eq!((probed.status, probed.with("bad")), (Some(0), vec![]), "{:#}", probed.said);
    for check in ["no-name", "other-name", "other-address"] {
        assert_eq!(probed.each(OURS, check), [("fine", "full-handshake"); 2], "{check}");
    }
    assert_eq!(probed.came_to("tls13", "name-on-retry"), ("fine", "refused"));
    assert_eq!(probed.came_to("tls13", "early-data"), ("fine", "accepted"));
    assert_eq!(probed.came_to("tls13", "early-data-twice"), ("fine", "rejected"));
    assert_eq!(probed.with("unknown"), [""; 0]);
}

#[test]
fn a_client_certificate_is_asked_for_and_a_session_stands_for_it() {
    let place = place_with_a_client();
    let server = place.serve(&["--client-ca", &place.arg("ca.crt")]);
    let probed = probe(server.address(), &["--cert", &place.arg("client.crt"), "--key", &place.arg("client.key")]);
    assert_eq!((probed.status, probed.each(OURS, "no-certificate")), (Some(0), [("note", "resumed"); 2]));
    assert!(probed.row("tls13", "no-certificate")["says"].as_str().unwrap().contains("revoked"), "{:#}", probed.said);
    // Without one nobody is served.
    let probed = probe(server.address(), &["--timeout", "1s"]);
    assert_eq!((probed.status, probed.came_to("tls13", "resumes").1), (Some(2), "not-served"), "{:#}", probed.said);
}

#[test]
fn a_lifetime_has_an_end_over_renewals() {
    let place = Place::new();
    let server = place.serve(&["--lifetime", "1s", "--max-lifetime", "2s"]);
    let probed = probe_for("3s", server.address(), &OURS);
    assert_eq!(probed.each(OURS, "lifetime"), [("fine", "full-handshake"); 2], "{:#}", probed.said);
    assert_eq!(probed.status, Some(0));
}

#[test]
fn what_becomes_of_sessions_after_a_command_is_what_was_expected() {
    let place = Place::new();
    let server = place.serve(&[]);
    let revoke = format!("{} revoke --all --state-dir {}", built::server().display(), place.arg("state"));
    for (command, arguments, status, came_to) in [
        ("true", &["--expect", "resumed"][..], 0, ("fine", "resumed")),
        ("true", &["--expect", "full"], 1, ("bad", "resumed")),
        ("true", &[], 0, ("note", "resumed")),
        ("exit 3", &["--expect", "full"], 2, ("unknown", "unknown")),
        // It ends what is made in the same second, and so comes last.
        (&revoke, &["--expect", "full"], 0, ("fine", "full-handshake")),
    ] {
        let probed = probe(server.address(), &[&["--after", command], arguments].concat());
        assert_eq!(probed.each(OURS, "after"), [came_to; 2], "{command} {arguments:?}");
        assert_eq!(probed.status, Some(status), "{command} {arguments:?}");
    }
}

#[test]
fn a_policy_that_objects_shows_as_full_handshakes() {
    let place = Place::new();
    place.policy("10-not.wasm", reprise_fixtures::policies::refuse_get());
    let server = place.serve(&[]);
    server.live("not", 1);
    let probed = probe(server.address(), &[]);
    assert_eq!((probed.status, probed.each(OURS, "resumes")), (Some(1), [("bad", "full-handshake"); 2]));
    assert_eq!(probed.rows().count(), WAYS.len(), "there is nothing to be safe about");
}
