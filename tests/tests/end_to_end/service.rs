//! The server as a service: what its manager is told, SIGHUP, and a log for programs.

use std::{
    io::ErrorKind,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use reprise_fixtures::policies;
use reprise_tests::{Client, PATIENCE, Place, Version, certificates};
use serde_json::Value;

/// A service manager's end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    fn of(place: &Place) -> Self {
        Self::at(UnixDatagram::bind(place.path("notify")).unwrap())
    }

    fn at(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// Nothing was told so far.
    fn was_told_nothing(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        self.0.recv(&mut [0; 16]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// What comes next, line by line.
    fn told(&self) -> Vec<String> {
        let mut datagram = [0; 4096];
        let length = self.0.recv(&mut datagram).expect("something is told in time");
        String::from_utf8_lossy(&datagram[..length]).lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_service_manager_is_told_when_the_server_is_ready_reloads_and_stops() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let manager = Manager::of(&place);
    let mut server = place.serve_in(&[], &[("NOTIFY_SOCKET", &place.arg("notify"))]);
    assert_eq!(manager.told(), ["READY=1"]);
    let open = Client::new(Version::Tls13).connect(server.address(), None).expect("ready is ready");

    place.policy("20-b.wasm", policies::no_opinion());
    server.hang_up();
    let reloading = manager.told();
    assert_eq!(reloading[0], "RELOADING=1");
    let (name, microseconds) = reloading[1].split_once('=').unwrap();
    assert!(name == "MONOTONIC_USEC" && microseconds.parse::<u64>().unwrap() > 0, "{reloading:?}");
    assert_eq!(manager.told(), ["READY=1"]);
    let visit = Client::new(Version::Tls13).first_visit(server.address());
    assert_eq!(visit.report.verdicts("b"), ["keep"], "what was there before SIGHUP is taken up by then");
    assert_eq!(
        open.finish().unwrap().report.verdicts("a"),
        ["keep"],
        "the policy was live by then, and SIGHUP ends nothing"
    );

    server.terminate();
    assert_eq!(manager.told(), ["STOPPING=1"]);
    assert!(server.ended().success());
}

#[test]
fn a_server_that_is_not_told_of_a_manager_takes_sighup_all_the_same() {
    let place = Place::new();
    let server = place.serve(&[]);
    place.identity("server", &certificates::server());
    place.policy("10-a.wasm", policies::no_opinion());
    server.hang_up();
    server.log().line(&["SIGHUP"]);
    server.reloaded("default", 1);
    server.live("a", 1);
    Client::new(Version::Tls12).first_visit(server.address());
}

#[test]
fn a_watchdog_is_told_that_the_server_serves() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let socket = place.arg("notify");
    let _server = place.serve_in(&[], &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "200000")]);
    let told: Vec<Vec<String>> = (0..4).map(|_| manager.told()).collect();
    assert_eq!(told.iter().filter(|told| told[..] == ["WATCHDOG=1"]).count(), 3, "{told:?}");
}

/// "If set, the watchdog is for the process with this id": not for one that inherited the variable.
#[test]
fn the_watchdog_of_another_process_is_not_told() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let socket = place.arg("notify");
    let variables = [("NOTIFY_SOCKET", &*socket), ("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "1")];
    let mut server = place.serve_in(&[], &variables);
    assert_eq!(manager.told(), ["READY=1"]);
    Client::new(Version::Tls13).first_visit(server.address());
    server.terminate();
    assert_eq!(manager.told(), ["STOPPING=1"]);
    assert!(server.ended().success() && manager.was_told_nothing());
}

/// "If it begins with `@`, it is an abstract socket."
#[test]
fn a_manager_may_listen_on_an_abstract_socket() {
    let place = Place::new();
    let name = format!("reprise-{}", place.arg("notify"));
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager::at(UnixDatagram::bind_addr(&address).unwrap());
    let _server = place.serve_in(&[], &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    assert_eq!(manager.told(), ["READY=1"]);
}

#[test]
fn a_manager_that_does_not_read_holds_nothing_up() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let stuffing = UnixDatagram::unbound().unwrap();
    stuffing.set_nonblocking(true).unwrap();
    while stuffing.send_to(b"X=1", place.path("notify")).is_ok() {}
    let server = place.serve_in(&[], &[("NOTIFY_SOCKET", &place.arg("notify")), ("WATCHDOG_USEC", "200000")]);
    server.log().line(&["could not be told [Ready]", "read nothing"]);
    Client::new(Version::Tls12).first_visit(server.address());
    // It hears what comes once it reads again.
    while manager.told() == ["X=1"] {}
    let told: Vec<Vec<String>> = (0..2).map(|_| manager.told()).collect();
    assert!(told.iter().all(|told| told[..] == ["WATCHDOG=1"]), "{told:?}");
}

#[test]
fn a_manager_that_cannot_be_told_costs_a_line_of_the_log() {
    let place = Place::new();
    for (socket, why) in [
        (place.arg("nobody"), "No such file"),
        ("notify".to_owned(), "expected the absolute path of a socket"),
        ("vsock:2:9999".to_owned(), "expected the absolute path of a socket"),
        ("@".to_owned() + &place.arg("nobody"), "refused"),
    ] {
        let server = place.serve_in(&[], &[("NOTIFY_SOCKET", &socket)]);
        server.log().line(&["the service manager could not be told", &format!("NOTIFY_SOCKET={socket}"), why]);
        Client::new(Version::Tls12).first_visit(server.address());
    }
}

#[test]
fn a_log_in_json_is_an_object_a_line_with_what_it_tells_in_fields() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("20-bad.wasm", "not a \"module\"\n");
    let mut server = place.serve(&["--log-format", "json"]);
    Client::new(Version::Tls12).first_visit(server.address());
    server.terminate();
    assert!(server.ended().success());
    server.log().line(&["stopped"]);
    let lines: Vec<Value> = server
        .log()
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let find = |message: &str| {
        let found = lines.iter().find(|line| line["message"].as_str().is_some_and(|said| said.contains(message)));
        found.unwrap_or_else(|| panic!("no {message}: {lines:#?}"))
    };
    let live = find("policy is live");
    assert_eq!(
        (&live["level"], &live["policy"], &live["file"]),
        (&"INFO".into(), &"calm".into(), &"10-calm.wasm".into())
    );
    assert_eq!((&live["generation"], live["hash"].as_str().map(str::len)), (&1.into(), Some(12)));
    let rejected = find("rejected: ");
    assert_eq!((&rejected["level"], &rejected["policy"]), (&"WARN".into(), &"bad".into()));
    let listening = find("listening on ");
    assert_eq!(
        (&listening["address"], &listening["listener"]),
        (&server.address().to_string().into(), &"default".into())
    );
}

#[test]
fn where_the_server_listens_is_said_in_json_whatever_the_filter() {
    let place = Place::new();
    let server = place.serve(&["--log-format", "json", "--log", "off"]);
    assert!(server.address().port() != 0);
}
