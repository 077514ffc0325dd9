//! A server that means harm: one that never comes to an end, or has more to say than fits.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use reprise::store::{Redis, Store};
use reprise_tests::until;

use super::{find, id, patient};

/// What loopback has under way of a connection that nobody reads, and more.
const UNDER_WAY: u64 = 16 << 20;

/// Where the server gives up: it has done its harm.
const HARM: u64 = 256 << 20;

/// What it gets rid of on one connection, and how many connections it had.
#[derive(Default)]
struct Said {
    most: AtomicU64,
    connections: AtomicUsize,
}

/// A server that lets everybody in, and then says `begin` and, until the connection ends, `more`.
fn server(begin: Vec<u8>, more: Vec<u8>) -> (String, Arc<Said>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let said = Arc::<Said>::default();
    let counted = said.clone();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (begin, more, said) = (begin.clone(), more.clone(), counted.clone());
            thread::spawn(move || talk(connection, &begin, &more, &said));
        }
    });
    (url, said)
}

fn talk(mut connection: TcpStream, begin: &[u8], more: &[u8], said: &Said) {
    for answer in ["+OK\r\n", ">3\r\n$9\r\nsubscribe\r\n$12\r\nreprise:news\r\n:1\r\n"] {
        if connection.read(&mut [0; 4096]).is_err() || connection.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
    let more = more.repeat(65_536_usize.div_ceil(more.len()));
    let mut taken = 0;
    let mut next = begin;
    while taken < HARM
        && let Ok(written) = connection.write(next)
        && written > 0
    {
        taken += written as u64;
        said.most.fetch_max(taken, SeqCst);
        next = if written < next.len() { &next[written..] } else { &more };
    }
    said.connections.fetch_add(1, SeqCst);
}

/// A node that is told this takes no more of it than `most`, each time that it connects, and says that it has no session.
fn bounded(begin: &[u8], more: &[u8], most: u64) {
    let (url, said) = server(begin.to_vec(), more.to_vec());
    let node = Redis::connect(&url, patient("a")).unwrap();
    until("it has come, and gone, several times", || said.connections.load(SeqCst) >= 3);
    let taken = said.most.load(SeqCst);
    let begin = String::from_utf8_lossy(&begin[..begin.len().min(20)]);
    assert!(taken <= most + UNDER_WAY, "{begin:?}: it took {} MiB", taken >> 20);
    assert!(find(&node, &id()).is_err() && !node.tiers()[0].reachable, "{begin:?}");
}

#[test]
fn a_bulk_that_is_too_long_is_not_taken() {
    bounded(b"$3000000000\r\n", b"aaaaaaaa", 0);
}

#[test]
fn a_line_without_an_end_is_not_taken() {
    bounded(b"+", b"aaaaaaaa", 0);
    bounded(b"-ERR ", b"aaaaaaaa", 0);
    bounded(b":", b"1", 0);
}

#[test]
fn an_array_without_an_end_is_not_taken() {
    bounded(b"*2000000000\r\n", b":1\r\n", 0);
    bounded(b"*1", b"0", 0);
    bounded(b"*500000\r\n", b"*500000\r\n$-1\r\n", 0);
    // As many as it says, and each as long as may be.
    let long = [b"$1000000\r\n".as_slice(), &[b'a'; 1_000_000], b"\r\n"].concat();
    bounded(b"*1000\r\n", &long, 64 << 20);
}

#[test]
fn arrays_in_arrays_without_an_end_are_not_taken() {
    bounded(b"*1\r\n", b"*1\r\n", 0);
    bounded(b"%1\r\n", b"|1\r\n", 0);
}

#[test]
fn pushes_without_an_end_are_not_taken() {
    // Long ones, of which a slow machine too takes more in a second than it may.
    let begin = b">3\r\n$7\r\nmessage\r\n$12\r\nreprise:news\r\n$100000\r\n".as_slice();
    let message = [begin, &[b'a'; 100_000], b"\r\n"].concat();
    bounded(&message, &message, 8 << 20);
}
