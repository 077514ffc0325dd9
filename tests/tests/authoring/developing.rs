//! `reprise dev`: save, and it is live; each decision is a line.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::TcpListener,
    path::Path,
};

use reprise_tests::{Client, Server, Version};

use super::Desk;

/// `reprise dev` on the project `calm`, on a free port.
pub(super) fn dev(desk: &Desk, arguments: &[&str]) -> Server {
    Server::start_command(&mut desk.command(&[&["dev", "calm", "--listen", "127.0.0.1:0"], arguments].concat()))
}

/// Replaces a part of a source, in one step, as an editor does.
pub(super) fn edit(source: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(source).unwrap();
    assert!(text.contains(from), "{from} in {}", source.display());
    save(source, &text.replace(from, to));
}

/// As editors do, in one step.
pub(super) fn save(source: &Path, text: &str) {
    let fresh = source.with_extension("swp");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, source).unwrap();
}

#[test]
fn what_is_saved_goes_live_and_what_it_decides_is_shown() {
    let desk = Desk::new();
    let project = desk.project("wat");
    edit(&project.join("calm.toml"), "bank.example", "a.example");
    let server = dev(&desk, &[]);
    server.log().line(&["live: calm, generation 1, ", " s after the save"]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        assert!(client.revisit(server.address(), &session).reused);
    }
    let kept = "calm, generation 1: new-session for a.example from 127.0.0.1: keep for 600 s, with a note of 9 bytes (session ";
    server.log().lines(&[kept], 2);
    server.log().lines(&["calm, generation 1: get-session for a.example from 127.0.0.1: resume (session "], 2);

    edit(&project.join("policy.wat"), "(i32.const 600)", "(i32.const 300)");
    server.log().line(&["live: calm, generation 2, ", " s after the save"]);
    Client::new(Version::Tls13).first_visit(server.address());
    server.log().line(&["calm, generation 2: new-session", "keep for 300 s"]);

    edit(&project.join("calm.toml"), "a.example", "b.example");
    server.log().line(&["live: calm, generation 3, "]);
    Client::new(Version::Tls13).first_visit(server.address());
    server.log().line(&["calm, generation 3: new-session", ": keep (session "]);
}

#[test]
fn what_does_not_build_or_would_not_go_live_is_shown_and_the_one_before_stays() {
    let desk = Desk::new();
    let project = desk.project("wat");
    let server = dev(&desk, &[]);
    server.log().line(&["live: calm, generation 1"]);
    edit(&project.join("policy.wat"), "(call $verdict.keep)", "(call $verdict.kept)");
    server.log().line(&["not built: ", "policy.wat", "`$verdict.kept`"]);
    server.log().lines(&["calm stays live: generation 1"], 1);
    // It parses, and refuses its own settings.
    edit(&project.join("policy.wat"), "(call $verdict.kept)", "(call $verdict.keep)");
    edit(&project.join("policy.wat"), r#""name\00""#, r#""mane\00""#);
    server.log().line(&["not dropped in: ", "unknown setting `name`; this policy knows `mane`"]);
    server.log().lines(&["calm stays live: generation 1"], 2);
    Client::new(Version::Tls12).first_visit(server.address());
    server.log().line(&["calm, generation 1: new-session"]);
}

#[test]
fn it_is_dropped_into_a_directory_that_is_there_and_others_are_shown_too() {
    let desk = Desk::new();
    desk.project("wat");
    fs::create_dir(desk.path("policies")).unwrap();
    fs::write(desk.path("policies/10-not.wasm"), reprise_fixtures::policies::refuse_get()).unwrap();
    let server = dev(&desk, &["--policies", &desk.arg("policies")]);
    server.log().line(&["live: calm, generation 1"]);
    assert!(desk.path("policies/calm.wasm").exists() && desk.path("policies/calm.toml").exists());
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    assert!(!client.revisit(server.address(), &session).reused);
    server.log().line(&["not, generation 1: get-session", ": full handshake (session "]);
}

#[test]
fn it_ends_in_silence_when_nobody_reads_it() {
    let desk = Desk::new();
    desk.project("wat");
    let (reader, writer) = io::pipe().unwrap();
    // As free as a port can be known to be.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = desk.command(&["dev", "calm", "--listen", &address.to_string()]);
    let mut server = Server::start_unheard(&mut command, writer, address);
    drop(command);
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("live: calm, generation 1")).expect("it goes live");
    drop(lines);
    // What is decided about it is told, to nobody.
    let _ = Client::new(Version::Tls13).visit(address, None);
    assert_eq!(server.ended().code(), Some(0));
}
