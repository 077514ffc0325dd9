//! A log that cannot be written: nothing that a server does for others waits for it or ends with it.

use std::{
    fs::File,
    io::{self, PipeReader, Write},
    net::{SocketAddr, TcpListener},
    process::{Command, Output, Stdio},
};

use reprise_fixtures::policies;
use reprise_tests::{Client, Log, Place, Server, Version, built, certificates, http, until};
use serde_json::Value;

/// Where a server's stderr goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stderr {
    /// To a pipe whose reader is gone.
    ReaderGone,
    /// To a disk that is full.
    DiskFull,
    /// To a pipe that nobody reads from.
    NobodyReads,
}

const ALL: [Stderr; 3] = [Stderr::ReaderGone, Stderr::DiskFull, Stderr::NobodyReads];

/// A server of this place that nobody hears, and who does not read what it says.
fn serve(place: &Place, stderr: Stderr, arguments: &[&str]) -> (Server, Option<PipeReader>) {
    // As free as a port can be known to be.
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = address.to_string();
    let mut command = Command::new(built::server());
    command.args(place.arguments(&[&["--listen", &listen], arguments].concat())).env_remove("RUST_LOG");
    if stderr == Stderr::DiskFull {
        let full = File::options().write(true).open("/dev/full").unwrap();
        return (Server::start_unheard(&mut command, full, address), None);
    }
    let (reader, writer) = io::pipe().unwrap();
    let reader = Some(reader).filter(|_| stderr == Stderr::NobodyReads);
    let server = Server::start_unheard(&mut command, writer, address);
    drop(command);
    (server, reader)
}

fn status(place: &Place) -> Value {
    let state = place.arg("state");
    let output = Command::new(built::server()).args(["status", "--json", "--state-dir", &state]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn serial(address: SocketAddr) -> Vec<u8> {
    let open = Client::new(Version::Tls13).connect(address, None).expect("the server is up");
    open.server_certificate().to_der().unwrap()
}

/// Changes policy and certificate, and waits until both are in force.
fn change(place: &Place, server: &Server, generation: u64) {
    place.policy(
        "10-a.wasm",
        if generation.is_multiple_of(2) { policies::refuse_get() } else { policies::no_opinion() },
    );
    let identity = certificates::server();
    place.identity("server", &identity);
    until("the policy is live", || status(place)["policies"][0]["generation"] == generation);
    until("the certificate is in force", || serial(server.address()) == identity.certificate.to_der().unwrap());
}

#[test]
fn changes_are_taken_up_whatever_becomes_of_the_log() {
    for stderr in ALL {
        let place = Place::new();
        place.policy("10-a.wasm", policies::no_opinion());
        let (mut server, _reader) = serve(&place, stderr, &[]);
        for generation in 2..=4 {
            change(&place, &server, generation);
        }
        if stderr != Stderr::NobodyReads {
            until("what is missing is counted", || status(&place)["log"]["unwritten"].as_u64() >= Some(6));
        }
        server.terminate();
        assert_eq!(server.ended().code(), Some(0), "{stderr:?}");
    }
}

#[test]
fn handshakes_go_on_whatever_becomes_of_the_log() {
    for stderr in ALL {
        let place = Place::new();
        let (mut server, _reader) = serve(&place, stderr, &["--log", "debug"]);
        // A pipe takes 64 KiB, which is some hundred lines; what waits beyond is bounded, too.
        for _ in 0..400 {
            Client::new(Version::Tls13).first_visit(server.address());
        }
        server.terminate();
        assert_eq!(server.ended().code(), Some(0), "{stderr:?}");
    }
}

#[test]
fn missing_lines_are_told_of_when_one_is_read() {
    let place = Place::new();
    // Each of them is a line of some three thousand bytes.
    for number in 0..150 {
        place.policy(&format!("{number}-{}.wasm", "\u{1b}".repeat(200)), "garbage");
    }
    let (mut server, reader) = serve(&place, Stderr::NobodyReads, &[]);
    until("there is no more room", || {
        unread(&["policies", "reload", "--state-dir", &place.arg("state")]);
        status(&place)["log"]["unwritten"].as_u64() > Some(0)
    });
    let log = Log::of(reader.unwrap());
    log.line(&["lines of the log are missing here"]);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
    log.line(&["stopped"]);
}

/// SIGXFSZ would end the process.
#[test]
fn a_log_as_large_as_it_may_be_stops_nothing() {
    let place = Place::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = place.arguments(&["--listen", &address.to_string(), "--log", "debug"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 2; exec \"$0\" \"$@\""]).arg(built::server()).args(arguments);
    let log = File::create(place.path("log")).unwrap();
    let mut server = Server::start_unheard(&mut command, log, address);
    for _ in 0..50 {
        Client::new(Version::Tls13).first_visit(server.address());
    }
    assert!(status(&place)["log"]["unwritten"].as_u64() > Some(0));
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_cause_has_a_hundred_lines_a_second() {
    let place = Place::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = place.serve(&["--backend", &gone, "--admin", "0"]);
    until("a cause has had its share", || {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let address = server.address();
                std::thread::spawn(move || {
                    (0..50).for_each(|_| drop(Client::new(Version::Tls13).connect(address, None)));
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        status(&place)["log"]["repeated"].as_u64() > Some(0)
    });
    server.log().line(&["more line", "like this", "left out: the backend"]);
    assert!(
        http::get(server.admin(), "/metrics").body.contains("reprise_log_lines_dropped_total{reason=\"repeated\"}")
    );
}

/// Runs `reprise` with a stdout whose reader is gone: its exit status, and what it said on stderr.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(built::server());
    let Output { status, stderr, .. } =
        command.args(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_command_nobody_reads_ends_as_it_would_have() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    place.policy("20-bad.wasm", "garbage");
    place.write("vectors.toml", "[[vector]]\nname = \"no call\"\n");
    let _server = place.serve(&[]);
    let (state, good, bad) = (place.arg("state"), place.arg("policies/10-a.wasm"), place.arg("policies/20-bad.wasm"));
    let keyring = place.arg("keyring");
    let cases: &[(&[&str], i32)] = &[
        (&["--help"], 0),
        (&["serve", "--help"], 0),
        (&["--version"], 0),
        (&["check", &good], 0),
        (&["check", &bad, &good], 1),
        (&["status", "--state-dir", &state], 0),
        (&["status", "--json", "--state-dir", &state], 0),
        (&["policies", "reload", "--state-dir", &state], 1),
        (&["policies", "quarantine", "a", "--state-dir", &state], 0),
        (&["revoke", "--all", "--state-dir", &state], 0),
        (&["keys", "new", &keyring], 0),
        (&["keys", "rotate", &keyring], 0),
        (&["keys", "list", &keyring], 0),
    ];
    for (arguments, code) in cases {
        assert_eq!(unread(arguments), (Some(*code), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let check = |stderr: Stdio| {
        let mut command = Command::new(built::server());
        command.args(["check", &place.arg("policies/10-a.wasm")]).stdout(full()).stderr(stderr);
        command.spawn().unwrap().wait_with_output().unwrap()
    };
    let output = check(Stdio::piped());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written to stdout"), "{output:?}");
    assert_eq!(check(full().into()).status.code(), Some(1), "it cannot even be told");
}

#[test]
fn a_server_that_cannot_say_why_it_fails_ends() {
    for stderr in ALL {
        let (reader, mut writer) = io::pipe().unwrap();
        let reader = match stderr {
            Stderr::ReaderGone => None,
            Stderr::NobodyReads => {
                fill(&mut writer);
                Some(reader)
            }
            Stderr::DiskFull => continue,
        };
        let mut command = Command::new(built::server());
        command.args(["serve", "--cert", "/no/such", "--listen", "127.0.0.1:0"]).stderr(writer);
        let mut process = command.spawn().unwrap();
        drop(command);
        until("it ends", || process.try_wait().unwrap().is_some());
        assert_eq!(process.wait().unwrap().code(), Some(1), "{stderr:?}");
        drop(reader);
    }
}

/// Writes until a pipe takes no more.
fn fill(writer: &mut io::PipeWriter) {
    let (mut full, page) = (0, [b'x'; 4096]);
    // What Linux gives a pipe, if it gives it.
    while full < 16 {
        writer.write_all(&page).unwrap();
        full += 1;
    }
}
