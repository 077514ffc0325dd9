//! A wire that is listened in on: connections go through to a server, and the ClientHellos on them are counted.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Listens in on the connections to a server.
pub struct Relay {
    address: SocketAddr,
    hellos: Arc<Mutex<Vec<usize>>>,
}

impl Relay {
    /// Before a server. It listens for as long as the process runs.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let hellos = Arc::<Mutex<Vec<usize>>>::default();
        let counted = hellos.clone();
        thread::spawn(move || {
            for (place, client) in listener.incoming().enumerate() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                counted.lock().unwrap().resize(place + 1, 0);
                let (to_server, counted) = (copies(&client, &server), counted.clone());
                thread::spawn(move || forward(to_server, Hellos { counted, place, ..Hellos::default() }));
                let to_client = copies(&server, &client);
                thread::spawn(move || forward(to_client, io::sink()));
            }
        });
        Self { address, hellos }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many ClientHellos each connection so far had.
    pub fn hellos(&self) -> Vec<usize> {
        self.hellos.lock().unwrap().clone()
    }
}

fn copies(from: &TcpStream, to: &TcpStream) -> (TcpStream, TcpStream) {
    (from.try_clone().expect("a descriptor"), to.try_clone().expect("a descriptor"))
}

fn forward((mut from, mut to): (TcpStream, TcpStream), mut heard: impl Write) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        // Told before it is sent: whoever has seen the answer sees the count.
        if heard.write_all(&buffer[..length]).and_then(|()| to.write_all(&buffer[..length])).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Counts the ClientHellos of one connection, which are in clear.
#[derive(Default)]
struct Hellos {
    counted: Arc<Mutex<Vec<usize>>>,
    place: usize,
    /// Bytes of a record that is not there as a whole.
    record: Vec<u8>,
    /// Bytes of handshake messages.
    messages: Vec<u8>,
}

impl Write for Hellos {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const HANDSHAKE: u8 = 22;
        const CLIENT_HELLO: u8 = 1;
        self.record.extend_from_slice(bytes);
        while let Some(record) = first(&mut self.record, 3, 2) {
            if record[0] == HANDSHAKE {
                self.messages.extend_from_slice(&record[5..]);
            }
        }
        while let Some(message) = first(&mut self.messages, 1, 3) {
            if message[0] == CLIENT_HELLO {
                self.counted.lock().unwrap()[self.place] += 1;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes out what begins with a header that has its length, of so many bytes, at this place.
fn first(bytes: &mut Vec<u8>, at: usize, width: usize) -> Option<Vec<u8>> {
    let length = bytes.get(at..at + width)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let whole = at + width + length;
    (whole <= bytes.len()).then(|| bytes.drain(..whole).collect())
}
