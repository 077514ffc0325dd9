//! The page at `--admin`, without a browser: what it is told, what it is not, and until when.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use reprise_fixtures::policies;
use reprise_tests::{Client, PATIENCE, Place, Version, http};
use serde_json::Value;

/// The events of a server, from now on.
struct Events(BufReader<TcpStream>);

impl Events {
    fn of(server: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: {server}\r\n\r\n").unwrap();
        let mut events = Self(BufReader::new(stream));
        assert!(events.head().contains("Content-Type: text/event-stream"));
        events
    }

    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "{head}");
        }
        head
    }

    /// What the next one tells, as it came and as it is read.
    fn next(&mut self) -> (String, Value) {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "there are no more");
            if let Some(data) = line.strip_prefix("data: ") {
                return (data.to_owned(), serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The first one of which this holds.
    fn until(&mut self, holds: impl Fn(&Value) -> bool) -> (String, Value) {
        loop {
            let next = self.next();
            if holds(&next.1) {
                return next;
            }
        }
    }
}

#[test]
fn events_tell_what_happens_and_not_to_whom() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    let server = place.serve(&["--admin", "0", "--policy-budget", "10s"]);
    let mut events = Events::of(server.admin());
    let (_, first) = events.next();
    assert_eq!((&first["recent"], &first["samples"]), (&Value::Null, &Value::Array(Vec::new())));
    assert_eq!(first["changes"][0]["policy"], "calm", "{first}");

    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    let steps = |event: &Value, step: usize| event["status"]["funnel"]["steps"][step]["handshakes"].as_u64();
    let (told, event) = events.until(|event| steps(event, 6) == Some(1));
    assert_eq!(steps(&event, 0), Some(2));
    assert_eq!(event["figures"]["ages"]["counts"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(), 1);
    let calls = event["figures"]["calls"].as_array().unwrap();
    assert!(calls.iter().any(|calls| calls["policy"] == "calm" && calls["callback"] == "get-session"), "{calls:?}");

    place.policy("10-calm.wasm", policies::refuse_get());
    let gone_live = |event: &Value| event["changes"].as_array().unwrap().iter().any(|change| change["generation"] == 2);
    events.until(gone_live);
    // Whoever comes later has the same.
    assert!(gone_live(&Events::of(server.admin()).next().1));

    // No more than /status has there: no client, no secret, no handshake of its own.
    let secret: String = session.secret().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!told.contains("127.0.0.1") && !told.contains(&secret[..16]) && !told.contains("\"number\":"), "{told}");
    assert_eq!(http::get(server.admin(), "/explain").status, 404);
    let status: Value = serde_json::from_str(&http::get(server.admin(), "/status").body).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&event["status"]), names(&status));
}

#[test]
fn who_came_is_shown_where_that_was_said() {
    let place = Place::new();
    let server = place.serve(&["--admin", "0", "--admin-recent", "--recent-clients", "network"]);
    let session = Client::new(Version::Tls13).first_visit(server.address()).session;
    let (told, event) = Events::of(server.admin()).next();
    assert_eq!((&event["recent"]["of"], &event["recent"]["clients"]), (&1.into(), &"network".into()));
    let answer = http::get(server.admin(), "/explain?last=5");
    let explained: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(explained["handshakes"][0]["client"], "127.0.0.0/24", "{explained}");
    let secret: String = session.secret().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!(told + &answer.body).contains(&secret[..16]));
    for field in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
    ] {
        assert!(answer.head.to_lowercase().contains(field), "{field} in {}", answer.head);
    }
}

#[test]
fn who_looks_does_not_hold_up_the_end() {
    let place = Place::new();
    let mut server = place.serve(&["--admin", "0", "--drain", "1h"]);
    let mut events = Events::of(server.admin());
    events.next();
    // It holds the server, so that what becomes of who looks while it drains is seen.
    let waits = Client::new(Version::Tls13).connect(server.address(), None).unwrap();
    server.terminate();
    let mut rest = String::new();
    events.0.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "the answer has an end: {rest:?}");
    drop(waits);
    assert!(server.ended().success());
}
