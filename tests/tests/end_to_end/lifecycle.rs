//! How the server goes about clients that are slow, a backend, and its own end.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use reprise_tests::{Client, PATIENCE, Place, Server, Version, built, certificates};

#[test]
fn a_connection_in_progress_finishes_when_the_server_is_told_to_stop() {
    let place = Place::new();
    let mut server = place.serve(&["--drain", "1d"]);
    let open: Vec<_> = Version::BOTH
        .iter()
        .map(|version| Client::new(*version).connect(server.address(), None).expect("the server is up"))
        .collect();
    server.terminate();
    server.log().line(&["stopping"]);
    for connection in open {
        let visit = connection.finish().expect("what began is finished");
        assert!(visit.report.session_id.is_some());
    }
    assert!(server.ended().success());
    server.log().line(&["stopped"]);
    assert!(TcpStream::connect(server.address()).is_err(), "nobody listens any more");
}

#[test]
fn a_stop_waits_no_longer_than_it_may_and_a_second_one_not_at_all() {
    let place = Place::new();
    let mut patient = place.serve(&["--drain", "1d"]);
    let mut idle = Client::new(Version::Tls12).connect(patient.address(), None).expect("the server is up");
    patient.terminate();
    patient.log().line(&["stopping"]);
    patient.terminate();
    assert!(patient.ended().success());
    assert_eq!(idle.read_to_end().as_deref(), Ok(""), "it is told goodbye");

    let mut brief = place.serve(&["--drain", "10ms"]);
    let mut idle = Client::new(Version::Tls12).connect(brief.address(), None).expect("the server is up");
    brief.terminate();
    assert!(brief.ended().success());
    assert_eq!(idle.read_to_end().as_deref(), Ok(""), "it is told goodbye");
}

#[test]
fn a_fifo_for_a_certificate_stops_nothing_else() {
    let place = Place::new();
    place.identity("a", &certificates::server());
    let site = format!("a.example={},{}", place.arg("a.crt"), place.arg("a.key"));
    let mut server = place.serve(&["--site", &site]);
    let cert = place.path("server.crt");
    fs::remove_file(&cert).unwrap();
    assert!(Command::new("mkfifo").arg(&cert).status().unwrap().success());
    server.hang_up();
    server.log().line(&["server.crt", "it is a FIFO; expected a regular file"]);
    // The other site's files are followed as ever, and so are these once they are files again.
    place.identity("a", &certificates::server());
    server.reloaded("a.example", 1);
    fs::remove_file(&cert).unwrap();
    place.identity("server", &certificates::server());
    server.reloaded("default", 1);
    Client::new(Version::Tls13).first_visit(server.address());

    fs::remove_file(&cert).unwrap();
    assert!(Command::new("mkfifo").arg(&cert).status().unwrap().success());
    server.hang_up();
    server.log().lines(&["server.crt", "it is a FIFO"], 2);
    server.terminate();
    assert!(server.ended().success());
}

#[test]
fn silent_clients_are_dropped_and_keep_nobody_waiting() {
    let place = Place::new();
    let server = place.serve(&["--handshake-timeout", "5s"]);
    // More of them than there are threads; half of them begin a ClientHello and say no more.
    let silent: Vec<TcpStream> = (0..64)
        .map(|at| {
            let mut tcp = TcpStream::connect(server.address()).unwrap();
            tcp.set_read_timeout(Some(PATIENCE)).unwrap();
            if at % 2 == 0 {
                tcp.write_all(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).unwrap();
            }
            tcp
        })
        .collect();
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    for mut tcp in silent {
        match tcp.read_to_end(&mut Vec::new()) {
            // A close, after an alert maybe, or a reset where bytes were left unread.
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[test]
fn a_client_that_trickles_its_hello_is_dropped() {
    let place = Place::new();
    let server = place.serve(&["--handshake-timeout", "1s"]);
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    // A record of the greatest length, which at this pace would take minutes; each of its bytes comes well in time.
    tcp.write_all(&[22, 3, 1, 0x40, 0]).unwrap();
    let pace = Duration::from_millis(20);
    let refused = (0..PATIENCE.as_millis() / pace.as_millis()).any(|_| {
        thread::sleep(pace);
        tcp.write_all(&[1]).is_err()
    });
    assert!(refused, "it is still listened to");
}

#[test]
fn a_silent_client_counts_against_the_connections_served_at_once_only_until_it_is_dropped() {
    let place = Place::new();
    let server = place.serve(&["--handshake-timeout", "3s", "--max-connections", "1"]);
    let _silent = TcpStream::connect(server.address()).unwrap();
    // It waits in the backlog until the silent one is dropped.
    Client::new(Version::Tls12).first_visit(server.address());
}

/// EMFILE: `accept` fails, and what waits in the backlog still does.
#[test]
fn a_server_that_is_short_of_files_goes_on_when_some_are_free_again() {
    let place = Place::new();
    let arguments = place.arguments(&["--handshake-timeout", "1d", "--max-connections", "10000"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(built::server()).args(arguments);
    let mut server = Server::start_command(&mut command);
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    let open = client.connect(server.address(), None).expect("the server is up");
    let silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    server.log().line(&["WARN", "connections cannot be accepted", "raise `ulimit -n` or lower --max-connections"]);
    assert!(open.finish().expect("what began is finished").report.session_id.is_some());
    drop(silent);
    assert!(client.revisit(server.address(), &session).reused);
    server.terminate();
    assert!(server.ended().success());
}

#[test]
fn what_is_decrypted_goes_to_the_backend_and_its_answer_comes_back() {
    let place = Place::new();
    let (backend, address) = echo();
    let server = place.serve(&["--backend", &address.to_string(), "--alpn", "echo"]);
    let client = Client::new(Version::Tls13);
    let mut connection = client.connect(server.address(), None).expect("the server is up");
    for round in 0..3_u8 {
        let sent = vec![round; 100_000];
        connection.send(&sent);
        let mut received = vec![0xff; sent.len()];
        connection.receive(&mut received);
        assert!(received == sent, "round {round}");
    }
    drop(connection);
    drop(server);
    drop(backend);
}

#[test]
fn a_backend_that_is_down_ends_the_connection_and_not_the_server() {
    let place = Place::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = place.serve(&["--backend", &gone]);
    for _ in 0..2 {
        let mut connection = Client::new(Version::Tls13).connect(server.address(), None).expect("the server is up");
        assert_eq!(connection.read_to_end().as_deref(), Ok(""));
    }
    server.log().line(&[&gone, "cannot be reached"]);
}

#[test]
fn a_backend_that_has_no_address_yet_is_told_of() {
    let place = Place::new();
    let server = place.serve(&["--backend", "backend.invalid:8080"]);
    server.log().line(&["WARN", "--backend backend.invalid:8080 cannot be resolved"]);
}

#[test]
fn a_filter_for_one_module_silences_no_other() {
    let place = Place::new();
    let server = place.serve(&["--backend", "backend.invalid:8080", "--log", "reprise::policies_dir=off"]);
    server.log().line(&["--backend backend.invalid:8080 cannot be resolved"]);
}

/// A backend that sends back what it gets.
fn echo() -> (thread::JoinHandle<()>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let backend = thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                std::io::copy(&mut stream, &mut back)
            });
        }
    });
    (backend, address)
}
