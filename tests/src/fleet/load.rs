//! Clients that come and go.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use openssl::rand::rand_bytes;

use super::{
    Tally,
    tally::{Handshake, Outcome},
};
use crate::{Client, Report, Session, Version, client::Exchange, report::ANSWERED};

/// More than one, so that nodes have several connections at once.
const THREADS: usize = 4;

/// A client that offers the newest session it has, each time it comes.
pub struct Customer {
    client: Client,
    version: Version,
    session: Option<Session>,
}

/// Threads with a crowd of customers each, of both versions, until it is ended or dropped.
pub struct Load {
    tally: Arc<Tally>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Customer {
    /// One that has not come yet.
    pub fn new(version: Version) -> Self {
        Self { client: Client::new(version), version, session: None }
    }

    /// Comes once, and takes home the session that it gets.
    pub fn come(&mut self, address: SocketAddr) -> Handshake {
        let began = Instant::now();
        let (mut client, offered) = (None, self.session.is_some());
        let exchanged = TcpStream::connect(address).map_err(|error| format!("connection: {error}")).and_then(|tcp| {
            client = tcp.local_addr().ok();
            self.client.connect_over(tcp, self.session.as_ref())?.exchange()
        });
        let outcome = exchanged.and_then(|Exchange { answer, reused, session }| {
            self.session = Some(session);
            // nginx answers every request in the highest version that it knows.
            if ![ANSWERED, "HTTP/1.1 200"].iter().any(|beginning| answer.starts_with(beginning)) {
                return Err(format!("no answer: {answer:?}"));
            }
            // A server that is not ours tells nothing.
            let miss = Report::of_answer(&answer).ok().and_then(|report| report.miss_reason);
            Ok(Outcome { resumed: reused, miss })
        });
        Handshake { client, version: self.version, offered, began, took: began.elapsed(), outcome }
    }
}

impl Load {
    /// So many customers of this address, half of them of each version. In each thread the next one
    /// comes, as chance has it, when the one before has gone.
    pub fn on(address: SocketAddr, customers: usize) -> Self {
        let (tally, over) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let thread = |_| {
            let (tally, over) = (Arc::clone(&tally), Arc::clone(&over));
            thread::spawn(move || {
                let mut crowd = Crowd::new(customers / THREADS);
                while !over.load(Ordering::Relaxed) {
                    tally.count(crowd.next().come(address));
                }
            })
        };
        let threads = (0..THREADS).map(thread).collect();
        Self { tally, over, threads }
    }

    /// What became of it so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Ends it, once every client has its answer.
    pub fn end(mut self) -> Arc<Tally> {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("a client counts what fails");
        }
        Arc::clone(&self.tally)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Customers who come in no order, so that a balancer's turns and theirs do not fall into step.
struct Crowd(Vec<Customer>);

impl Crowd {
    fn new(count: usize) -> Self {
        Self((0..count).map(|number| Customer::new(Version::BOTH[number % 2])).collect())
    }

    fn next(&mut self) -> &mut Customer {
        let mut chance = [0];
        rand_bytes(&mut chance).expect("OpenSSL has randomness");
        let count = self.0.len();
        &mut self.0[usize::from(chance[0]) % count]
    }
}
