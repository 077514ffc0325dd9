//! Why clients did not resume: the same reason, by its name, in the funnel, among recent handshakes, in words and in the metrics.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use reprise_fixtures::{Callback, Fixture, policies};
use reprise_tests::{Client, Place, Version, built, http, metrics::Exposition};
use serde_json::Value;

/// Runs `reprise explain` about the server of a place: whether it went well, and what it said.
fn explain(place: &Place, arguments: &[&str]) -> (bool, String) {
    let state = place.arg("state");
    let arguments = [&["explain", "--state-dir", &state], arguments].concat();
    let Output { status, stdout, stderr } =
        Command::new(built::server()).args(&arguments).env_remove("RUST_LOG").output().expect("the program starts");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn told(place: &Place, arguments: &[&str]) -> Value {
    let (well, said) = explain(place, &[arguments, &["--json"]].concat());
    assert!(well, "{said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"))
}

/// Puts a policy there, or none.
type Puts = fn(&Place);

#[test]
fn a_reason_is_found_by_its_name_wherever_it_is_looked_for() {
    let nothing: Puts = |_| {};
    let refuse: Puts = |place| place.policy("10-not.wasm", policies::refuse_get());
    let trap: Puts =
        |place| place.policy("10-trap.wasm", Fixture::default().once_live(Callback::Get, "unreachable").build());
    let cases = [
        ("resumed", nothing, "a.example", "Store 1 had it"),
        ("server-name", nothing, "b.example", "for a.example at default"),
        ("policy", refuse, "a.example", "Policy `not` (generation 1) objected: full-handshake"),
        ("policy-failed", trap, "a.example", "objected: failed-objecting (trap)"),
    ];
    for (reason, puts, name, sentence) in cases {
        let place = Place::new();
        puts(&place);
        place.policy("50-calm.wasm", policies::no_opinion());
        let server = place.serve(&["--admin", "0", "--policy-budget", "10s"]);
        let mut secrets = Vec::new();
        for version in Version::BOTH {
            let session = Client::new(version).first_visit(server.address()).session;
            let again = Client::new(version).asking_for(Some(name)).revisit(server.address(), &session);
            assert_eq!(again.reused, reason == "resumed", "{reason}");
            secrets.push(hex(&session.secret()));
        }
        let all = told(&place, &[]);
        let found: Vec<_> =
            all["funnel"]["outcomes"].as_array().unwrap().iter().filter(|one| one["reason"] == reason).collect();
        let versions: Vec<_> =
            found.iter().map(|one| (one["tls.protocol.version"].as_str(), one["handshakes"].as_u64())).collect();
        assert_eq!(versions, [(Some("1.2"), Some(1)), (Some("1.3"), Some(1))], "{all}");
        let metrics = http::get(server.admin(), "/metrics").body;
        let step = found[0]["step"].as_str().unwrap();
        let labels = |version| [("version", version), ("step", step), ("reason", reason)];
        let counted = |version| Exposition::parse(&metrics).value("reprise_outcomes_total", &labels(version));
        assert_eq!((counted("1.2"), counted("1.3")), (1.0, 1.0));

        let arguments = ["--reason", reason, "--client", "127.0.0.0/8", "--server-name", name];
        let recent = told(&place, &arguments)["handshakes"].as_array().unwrap().clone();
        assert_eq!(recent.len(), 2, "{recent:?}");
        for one in &recent {
            assert_eq!(
                (one["client"].as_str(), one["look_up"]["tier"].as_u64()),
                (Some("127.0.0.1"), Some(1)),
                "{one}"
            );
            assert!(one["session"]["authenticated"].as_u64() > Some(0) && one["offered"]["session"] != "", "{one}");
        }
        let (well, words) = explain(&place, &arguments);
        assert!(well && words.contains(sentence) && words.matches("\n#").count() == 1, "{words}");
        let (_, page) = explain(&place, &[]);
        assert!(
            page.contains("connected      4 (100 %)") && page.contains(reason) && page.contains("advice"),
            "{page}"
        );

        // No secret, and of an id no more than its beginning.
        let all = [all.to_string(), words, page].concat();
        let longest = all.split(|other: char| !other.is_ascii_hexdigit()).map(str::len).max();
        assert_eq!(longest, Some(16), "the beginning of an id");
        let all = [all, metrics, http::get(server.admin(), "/status").body].concat();
        assert!(secrets.iter().all(|secret| secret.len() >= 64 && !all.contains(&secret[..16])));
        // Who came is not for whoever reaches --admin.
        assert_eq!(http::get(server.admin(), "/explain").status, 404);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn as_much_of_clients_is_kept_as_is_said_and_nothing_where_nothing_is() {
    let place = Place::new();
    let server = place.serve(&["--recent", "1", "--recent-clients", "network"]);
    for _ in 0..2 {
        Client::new(Version::Tls13).first_visit(server.address());
    }
    let all = told(&place, &["--last", "10"]);
    assert_eq!((all["kept"]["at_most"].as_u64(), all["kept"]["of"].as_u64()), (Some(1), Some(2)));
    let handshakes = all["handshakes"].as_array().unwrap();
    assert_eq!((handshakes.len(), handshakes[0]["client"].as_str()), (1, Some("127.0.0.0/24")));
    drop(server);

    let place = Place::new();
    let server = place.serve(&["--recent-clients", "hash"]);
    Client::new(Version::Tls13).first_visit(server.address());
    let by_address = told(&place, &["--client", "127.0.0.1"]);
    assert!(by_address["handshakes"][0]["client"].as_str().unwrap().starts_with('#'), "{by_address}");
    let (well, said) = explain(&place, &["--client", "127.0.0.0/8"]);
    assert!(!well && said.contains("ask for one address"), "{said}");
    drop(server);

    let place = Place::new();
    let server = place.serve(&["--recent", "0"]);
    Client::new(Version::Tls13).first_visit(server.address());
    let (well, said) = explain(&place, &["--last", "10"]);
    assert!(well && said.contains("--recent 0"), "{said}");
}

#[test]
fn those_that_come_are_told_as_they_come() {
    let place = Place::new();
    let server = place.serve(&[]);
    let state = place.arg("state");
    let visit = || Client::new(Version::Tls13).first_visit(server.address());
    visit();
    let mut following = Command::new(built::server())
        .args(["explain", "--follow", "--json", "--state-dir", &state])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    for number in 1..=3 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!((line["number"].as_u64(), line["reason"].as_str()), (Some(number), Some("nothing")));
        visit();
    }
    following.kill().unwrap();
    following.wait().unwrap();
}
