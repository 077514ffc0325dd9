//! Text that comes from outside: names of files, messages of policies, errors of stores. It forges
//! nothing where people read it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
};

use reprise_fixtures::policies;
use reprise_tests::{PATIENCE, Place, built, http};
use serde_json::Value;

/// What a terminal, an editor or a reader of lines takes for more than text.
const HOSTILE: &str = "\r\n2026-01-01T00:00:00.000000Z  INFO policy is live\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\
                       \u{200b}\u{feff}\u{2028}\u{85}\u{7}\u{e0041}";

/// Whether nothing in it has an effect, and no line was forged.
#[track_caller]
fn is_harmless(what: &str, text: &str) {
    let hostile: Vec<char> = HOSTILE.chars().filter(|character| !matches!(character, ' '..='~' | '\n')).collect();
    assert!(!text.contains(&hostile[..]), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("2026-01-01T")), "{what}: {text}");
    assert!(text.lines().all(|line| line.len() <= 16_384), "{what}");
}

fn reprise(arguments: &[&str]) -> String {
    let output = Command::new(built::server()).args(arguments).env_remove("RUST_LOG").output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_name_forges_nothing_at_any_exit() {
    // A file's name has at most 255 bytes.
    let name = format!("20-{HOSTILE}.wasm");
    for format in ["text", "json"] {
        let place = Place::new();
        place.policy("10-a.wasm", policies::no_opinion());
        place.policy(&format!("10-b{HOSTILE}.wasm"), policies::no_opinion());
        place.policy(&name, "garbage");
        let mut server = place.serve(&["--admin", "127.0.0.1:0", "--log-format", format]);
        let state = place.arg("state");
        server.log().line(&["rejected"]);
        let status = http::get(server.admin(), "/status").body;
        is_harmless("/status", &status);
        let status: Value = serde_json::from_str(&status).unwrap();
        let names: Vec<&str> =
            status["policies"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
        assert!(names.contains(&HOSTILE), "a program reads what it is called: {names:?}");
        let metrics = http::get(server.admin(), "/metrics").body;
        assert!(metrics.contains("INFO policy is live"), "it is there");
        is_harmless("/metrics", &metrics);
        for arguments in [
            &["status"][..],
            &["status", "--json"],
            &["policies", "reload"],
            &["policies", "rollback", HOSTILE],
            &["policies", "quarantine", "none"],
            &["revoke", "--note", &format!("{HOSTILE}=00")],
        ] {
            let said = reprise(&[arguments, &["--state-dir", &state]].concat());
            assert!(said.contains("INFO policy is live"), "{arguments:?}: {said}");
            is_harmless(&arguments.join(" "), &said);
        }
        is_harmless("check", &reprise(&["check", &place.arg(&format!("policies/{name}"))]));
        server.terminate();
        assert!(server.ended().success());
        let log = server.log().text();
        assert!(log.contains("INFO policy is live"), "it is there");
        is_harmless("the log", &log);
        if format == "json" {
            log.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).expect(line)));
        }
    }
}

/// A server that answers everything with an error of its own making.
fn hostile_redis() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let error = format!("ERR {HOSTILE}{}", "x".repeat(1 << 17));
            let answer = format!("!{}\r\n{error}\r\n", error.len());
            thread::spawn(move || {
                let mut asked = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut asked) {
                    // Each command is an array.
                    let commands = asked[..read].iter().filter(|byte| **byte == b'*').count();
                    if stream.write_all(answer.repeat(commands).as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn an_error_of_a_store_forges_nothing_at_any_exit() {
    for format in ["text", "json"] {
        let place = Place::new();
        let (store, keyring) = (format!("redis://{}", hostile_redis()), place.arg("keyring"));
        reprise(&["keys", "new", &keyring]);
        let arguments = ["--store", &store, "--keyring", &keyring, "--log-format", format, "--log", "debug"];
        let mut server = place.serve(&arguments);
        server.log().line(&["no connection to the session store"]);
        let state = place.arg("state");
        for arguments in [&["revoke", "--all"][..], &["revoke", "--all", "--json"], &["status"], &["status", "--json"]]
        {
            is_harmless(&arguments.join(" "), &reprise(&[arguments, &["--state-dir", &state]].concat()));
        }
        server.terminate();
        assert!(server.ended().success());
        let log = server.log().text();
        assert!(log.contains("INFO policy is live"), "it is there: {log}");
        is_harmless("the log", &log);
    }
}

/// Asks for a path as a client would that sends these lines.
fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_page_of_another_name_reads_nothing() {
    let place = Place::new();
    let server = place.serve(&["--admin", "0", "--admin-host", "metrics.example"]);
    let of = |host: &str| ask(server.admin(), &format!("GET /status HTTP/1.1\r\nConnection: close\r\nHost: {host}"));
    let port = server.admin().port();
    for host in ["127.0.0.1", "localhost", "metrics.example", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert!(of(&host).contains("200"), "{host}: {}", of(&host));
        }
    }
    for host in
        ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "metrics.example\r\nHost: a.example"]
    {
        assert!(of(host).contains("421"), "{host}: {}", of(host));
    }
    let absolute = "GET http://evil.example/status HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1";
    assert!(ask(server.admin(), absolute).contains("421"));
    assert!(ask(server.admin(), "GET /status HTTP/1.0").contains("200"));
    assert!(ask(server.admin(), "GET /healthz HTTP/1.0\r\nHost: evil.example").contains("200"));
}

#[test]
fn who_asks_for_nothing_gives_way_to_who_does() {
    let place = Place::new();
    let server = place.serve(&["--admin", "0"]);
    let mut idle: Vec<TcpStream> = (0..40)
        .map(|at| {
            let mut stream = TcpStream::connect(server.admin()).unwrap();
            match at % 3 {
                0 => {}
                1 => stream.write_all(b"GET /status HTTP/1.1\r\nHost: 127.").unwrap(),
                // It takes no answer, and more come than fit into a socket's buffers.
                _ => {
                    stream.set_nonblocking(true).unwrap();
                    while stream.write(b"GET /metrics HTTP/1.1\r\n\r\n").is_ok() {}
                    stream.set_nonblocking(false).unwrap();
                }
            }
            stream
        })
        .collect();
    let mut healthy = TcpStream::connect(server.admin()).unwrap();
    // Shorter than any of those above is waited for between two requests.
    healthy.set_read_timeout(Some(PATIENCE / 3)).unwrap();
    healthy.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    healthy.read_to_string(&mut answer).expect("an answer in time");
    assert!(answer.contains("200 OK"), "{answer}");
    idle[0].set_read_timeout(Some(PATIENCE)).unwrap();
    match idle[0].read(&mut [0; 1]) {
        Ok(read) => assert_eq!(read, 0, "it is sent away"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
