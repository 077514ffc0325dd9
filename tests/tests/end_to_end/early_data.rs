//! 0-RTT: `openssl s_client` sends a request early, and again.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use reprise_tests::{PATIENCE, Place, REQUEST, Server, Version, s_client, s_client::Shown};

/// Accepted or not, the client says so in these words.
const ACCEPTED: &str = "Early data was accepted";
const REJECTED: &str = "Early data was rejected";

/// A request sent early, with the session of `file`.
fn early(place: &Place, server: &Server, version: Version) -> Shown {
    place.write("request", REQUEST);
    let (session, request) = (place.arg("session.pem"), place.arg("request"));
    s_client::listen(server.address(), version, &["-sess_in", &session, "-early_data", &request])
}

#[test]
fn a_request_that_comes_early_is_answered_once_and_reported() {
    let place = Place::new();
    let server = place.serve(&["--early-data", "4KiB"]);
    let first = s_client::run(server.address(), Version::Tls13, &["-sess_out", &place.arg("session.pem")]);
    assert_eq!((first.answered().early_data.as_str(), first.answered().early_data_bytes), ("not-offered", 0));

    let second = early(&place, &server, Version::Tls13);
    assert!(second.output.contains(ACCEPTED), "{}", second.output);
    let report = second.answered();
    assert_eq!((report.early_data.as_str(), report.early_data_bytes), ("accepted", REQUEST.len()));
    assert!(report.resumed);

    // The session is spent. This client does not send again what was rejected: it asks anew.
    place.write("request", "rejected\r\n");
    let (session, request) = (place.arg("session.pem"), place.arg("request"));
    let third = s_client::run(server.address(), Version::Tls13, &["-sess_in", &session, "-early_data", &request]);
    assert!(third.output.contains(REJECTED), "{}", third.output);
    let report = third.answered();
    assert_eq!((report.early_data.as_str(), report.early_data_bytes), ("rejected", 0));
    assert_eq!(report.miss_reason.as_deref(), Some("not-found"));
}

#[test]
fn a_server_that_was_not_told_to_accepts_nothing_early() {
    let place = Place::new();
    let server = place.serve(&[]);
    let shown = s_client::run(server.address(), Version::Tls13, &["-sess_out", &place.arg("session.pem")]);
    assert!(shown.output.contains("Max Early Data: 0"), "{}", shown.output);
}

#[test]
fn a_backend_is_sent_what_came_early_where_that_was_said() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; REQUEST.len()];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"answered").unwrap();
            if tell.send(String::from_utf8(request).unwrap()).is_err() {
                return;
            }
        }
    });
    let server = place.serve(&["--backend", &address, "--early-data", "4KiB", "--early-data-to-backend"]);
    s_client::run(server.address(), Version::Tls13, &["-sess_out", &place.arg("session.pem")]);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), REQUEST);
    let second = early(&place, &server, Version::Tls13);
    assert!(second.output.contains(ACCEPTED) && second.output.contains("answered"), "{}", second.output);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), REQUEST);
}
