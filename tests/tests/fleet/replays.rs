//! 0-RTT: a first flight that somebody has recorded and sends again is accepted early once in the
//! whole fleet, by whoever is first.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Barrier, Mutex},
    thread,
};

use reprise_tests::{Client, PATIENCE, Version, fleet::Fleet, redis::RedisServer, until};

const NODES: usize = 4;
const FLIGHTS: usize = 100;

/// A backend that answers every request of a line, and counts how often it got which.
struct Backend {
    address: SocketAddr,
    requests: Arc<Mutex<HashMap<String, usize>>>,
}

impl Backend {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let backend = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let requests = Arc::clone(&backend.requests);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let requests = Arc::clone(&requests);
                thread::spawn(move || answer(connection, &requests));
            }
        });
        backend
    }

    fn got(&self, request: &str) -> usize {
        self.requests.lock().unwrap().get(request).copied().unwrap_or_default()
    }
}

fn answer(mut connection: TcpStream, requests: &Mutex<HashMap<String, usize>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while connection.read(&mut byte).is_ok_and(|read| read == 1) && byte != *b"\n" {
        request.extend(byte);
    }
    // A connection over which nothing came is no request.
    if byte == *b"\n" {
        *requests.lock().unwrap().entry(String::from_utf8_lossy(&request).into_owned()).or_default() += 1;
        let _ = connection.write_all(b"answered\n");
    }
}

/// Sends a recorded flight, and waits for the node to give up on who cannot finish the handshake.
fn replay(mut connection: TcpStream, flight: &[u8]) {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(flight).expect("the node reads");
    connection.shutdown(Shutdown::Write).expect("the node has not hung up");
    // However the node ends it.
    let _ = connection.read_to_end(&mut Vec::new());
}

#[test]
fn a_first_flight_that_is_sent_to_every_node_at_once_is_accepted_early_by_one() {
    let (redis, backend) = (RedisServer::start(), Backend::start());
    let address = backend.address.to_string();
    // What is answered too late is not accepted at all, and this is about what is accepted twice.
    let arguments =
        ["--store-deadline", "30s", "--backend", &address, "--early-data", "4KiB", "--early-data-to-backend"];
    let fleet = Fleet::start_with(NODES, Default::default(), &["memory", &redis.url()], &arguments);
    let client = Client::new(Version::Tls13);
    let visit = |node, session| {
        let mut open = client.connect(node, session).expect("the node is up");
        open.send(b"nothing early\n");
        open.receive(&mut [0; 9]);
        (open.session().expect("it came before the answer"), open.reused())
    };
    let sessions: Vec<_> = (0..FLIGHTS).map(|flight| visit(fleet.address(flight % NODES), None).0).collect();
    // They are written behind the handshakes that made them. One more key is where the nodes say that they are there.
    until("the store has every session", || redis.ask::<usize>(&["DBSIZE"]) > FLIGHTS);

    let request = |flight| format!("early {flight}");
    for (flight, session) in sessions.iter().enumerate() {
        // Each node has a copy of its own, of every second one.
        if flight % 2 == 0 {
            assert!(fleet.addresses().into_iter().all(|node| visit(node, Some(session)).1), "flight {flight}");
        }
        let recorded = client.first_flight(session, format!("{}\n", request(flight)).as_bytes());
        let start = Barrier::new(NODES);
        thread::scope(|scope| {
            for node in fleet.addresses() {
                let (start, recorded) = (&start, &recorded);
                scope.spawn(move || {
                    let connection = TcpStream::connect(node).expect("the node is up");
                    start.wait();
                    replay(connection, recorded);
                });
            }
        });
        until("one accepts it", || backend.got(&request(flight)) > 0);
        // And whoever comes with it later.
        replay(TcpStream::connect(fleet.address(flight % NODES)).expect("the node is up"), &recorded);
    }
    let accepted: Vec<_> = (0..FLIGHTS).map(|flight| backend.got(&request(flight))).collect();
    assert!(accepted.iter().all(|times| *times == 1), "{accepted:?}");
}
