//! `reprise probe`, pointed at our server, at OpenSSL's, and at what is none.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

use reprise_tests::{Place, built, until};
use serde_json::Value;

/// The exit status, and what was said of each version.
fn probe(server: SocketAddr, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = Command::new(built::server());
    command.args(["probe", &server.to_string(), "--json"]).args(arguments);
    let output = command.output().expect("the program starts");
    let said = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), said["versions"].as_array().unwrap().clone())
}

fn all(versions: &[Value], field: &str) -> Vec<Value> {
    versions.iter().map(|version| version[field].clone()).collect()
}

/// `openssl s_server`, killed when dropped.
struct OpensslServer(Child, SocketAddr);

impl OpensslServer {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-naccept", "100", "-accept", &address.to_string()]);
        command.args(["-cert", &place.arg("server.crt"), "-key", &place.arg("server.key")]).args(arguments);
        let server = Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap(), address);
        until("it listens", || TcpStream::connect(address).is_ok());
        server
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn our_server_resumes_by_ids_that_its_keyring_knows() {
    let place = Place::new();
    for file in ["keyring", "other"] {
        assert!(Command::new(built::server()).args(["keys", "new", &place.arg(file)]).status().unwrap().success());
    }
    let server = place.serve(&["--keyring", &place.arg("keyring"), "--lifetime", "10m"]);
    let (status, versions) = probe(server.address(), &["--keyring", &place.arg("keyring")]);
    assert_eq!(status, Some(0), "{versions:?}");
    assert_eq!(all(&versions, "version"), ["TLSv1.2", "TLSv1.3"]);
    assert_eq!((all(&versions, "outcome"), all(&versions, "form")), (vec!["resumed".into(); 2], vec!["id".into(); 2]));
    assert_eq!(all(&versions, "by_reprise"), [true, true]);
    assert_eq!(versions[1]["lifetime_hint"], 600);
    // It resumes, and others' keys do not know how.
    let (status, versions) = probe(server.address(), &["--keyring", &place.arg("other")]);
    assert_eq!((status, all(&versions, "outcome")), (Some(1), vec!["resumed".into(); 2]));
    assert_eq!(all(&versions, "by_reprise"), [false, false]);
    assert_eq!(probe(server.address(), &[]).0, Some(0), "that is asked only of who has a keyring");
}

#[test]
fn a_policy_that_objects_shows_as_full_handshakes() {
    let place = Place::new();
    place.policy("10-not.wasm", reprise_fixtures::policies::refuse_get());
    let server = place.serve(&[]);
    server.live("not", 1);
    let (status, versions) = probe(server.address(), &[]);
    assert_eq!((status, all(&versions, "outcome")), (Some(1), vec!["full-handshake".into(); 2]));
}

#[test]
fn openssls_server_resumes_by_tickets_by_ids_or_not() {
    let place = Place::new();
    for (arguments, status, outcomes, forms) in [
        (&[][..], 0, ["resumed", "resumed"], [Some("ticket"), Some("ticket")]),
        (&["-no_ticket"], 0, ["resumed", "resumed"], [Some("id"), Some("id")]),
        (&["-no_ticket", "-no_cache"], 1, ["no-session", "full-handshake"], [None, Some("id")]),
        (&["-tls1_2"], 0, ["resumed", "not-served"], [Some("ticket"), None]),
        (&["-tls1_3", "-num_tickets", "0"], 1, ["not-served", "no-session"], [None, None]),
    ] {
        let server = OpensslServer::start(&place, arguments);
        let (told, versions) = probe(server.1, &["--timeout", "2s"]);
        assert_eq!(
            (told, all(&versions, "outcome")),
            (Some(status), outcomes.map(Value::from).to_vec()),
            "{arguments:?}"
        );
        assert_eq!(all(&versions, "form"), forms.map(Value::from), "{arguments:?}");
    }
}

#[test]
fn where_nothing_can_be_told_the_status_is_2() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, versions) = probe(nobody, &[]);
    assert_eq!((status, all(&versions, "outcome")), (Some(2), vec!["unreachable".into(); 2]));
    // One that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (status, versions) = probe(silent.local_addr().unwrap(), &["--timeout", "50ms"]);
    assert_eq!((status, all(&versions, "outcome")), (Some(2), vec!["unreachable".into(); 2]), "{versions:?}");
    let output = Command::new(built::server()).args(["probe", "localhost"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("expected HOST:PORT"), "{said}");
}

#[test]
fn tls_that_begins_in_a_mail_server_is_probed_there() {
    let place = Place::new();
    let server = place.serve(&[]);
    let (mail, behind) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.address());
    let address = mail.local_addr().unwrap();
    thread::spawn(move || {
        for client in mail.incoming() {
            let mut client = client.unwrap();
            let mut lines = BufReader::with_capacity(1, client.try_clone().unwrap()).lines();
            client.write_all(b"220 mail\r\n").unwrap();
            if !matches!(lines.next(), Some(Ok(line)) if line.starts_with("EHLO ")) {
                continue;
            }
            client.write_all(b"250-mail\r\n250 STARTTLS\r\n").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), "STARTTLS");
            client.write_all(b"220 go\r\n").unwrap();
            let mut server = TcpStream::connect(behind).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut server, &mut client);
        }
    });
    let (status, versions) = probe(address, &["--starttls", "smtp"]);
    assert_eq!((status, all(&versions, "outcome")), (Some(0), vec!["resumed".into(); 2]), "{versions:?}");
    // Without it this is no TLS.
    assert_eq!(probe(address, &["--timeout", "1s"]).0, Some(2));
}
