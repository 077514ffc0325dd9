//! A round-robin TCP balancer: what stands in front of a fleet, and knows nothing of TLS.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use super::runtime;
use crate::PATIENCE;

/// A balancer that listens. Each connection goes to the next node that is in and takes it.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// A connection on its way through.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// Who made it: a client's address and port.
    pub client: SocketAddr,
    /// The place of the node that was asked to take it.
    pub node: usize,
    /// Before that node was asked.
    pub began: Instant,
    /// When neither side had anything to say any more.
    pub ended: Option<Instant>,
    /// The node did not take it, and another one was asked.
    pub refused: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    next: usize,
    passed: Vec<Passed>,
}

struct Node {
    address: SocketAddr,
    is_in: bool,
}

impl Balancer {
    /// A balancer in front of these nodes.
    pub fn start(nodes: &[SocketAddr]) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        shared.lock().nodes = nodes.iter().map(|node| Node { address: *node, is_in: true }).collect();
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes a node out, as a deploy does, and waits until it has no connections.
    pub fn take_out(&self, node: usize) {
        let mut state = self.shared.lock();
        state.nodes[node].is_in = false;
        let has_some = |state: &mut State| state.passed.iter().any(|one| one.node == node && one.ended.is_none());
        let waited = self.shared.ended.wait_timeout_while(state, PATIENCE, has_some);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "node {node} still has connections");
    }

    /// Puts a node back.
    pub fn put_back(&self, node: usize) {
        self.shared.lock().nodes[node].is_in = true;
    }

    /// All connections, in the order in which nodes were asked to take them; those that were refused come again.
    pub fn all(&self) -> Vec<Passed> {
        self.shared.lock().passed.clone()
    }

    /// How many connections each node has taken.
    pub fn taken(&self) -> Vec<usize> {
        let state = self.shared.lock();
        let by = |node| state.passed.iter().filter(|one| one.node == node && !one.refused).count();
        (0..state.nodes.len()).map(by).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a connection to the next node that is in and not among those `tried`: the place of its
    /// record, and where it goes.
    fn choose(&self, client: SocketAddr, tried: &[usize]) -> Option<(usize, usize, SocketAddr)> {
        let mut state = self.lock();
        let count = state.nodes.len();
        let mut turn = (0..count).map(|step| (state.next + step) % count);
        let node = turn.find(|node| state.nodes[*node].is_in && !tried.contains(node))?;
        state.next = (node + 1) % count;
        // On record before it is asked: a node that is taken out is not asked behind the back of who waits for it.
        state.passed.push(Passed { client, node, began: Instant::now(), ended: None, refused: false });
        Some((state.passed.len() - 1, node, state.nodes[node].address))
    }

    fn end(&self, place: usize, refused: bool) {
        let record = &mut self.lock().passed[place];
        (record.ended, record.refused) = (Some(Instant::now()), refused);
        self.ended.notify_all();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // What a client gave up before it was taken is no error of this loop's.
        let Ok((connection, client)) = listener.accept().await else { continue };
        tokio::spawn(pass(connection, client, Arc::clone(&shared)));
    }
}

/// Moves bytes until both sides are done. Without a node that takes it the connection ends.
async fn pass(mut connection: TcpStream, client: SocketAddr, shared: Arc<Shared>) {
    let mut tried = Vec::new();
    while let Some((place, node, address)) = shared.choose(client, &tried) {
        let Ok(mut taken) = TcpStream::connect(address).await else {
            shared.end(place, true);
            tried.push(node);
            continue;
        };
        let _ = connection.set_nodelay(true).and(taken.set_nodelay(true));
        // How a connection ends is between the two.
        let _ = copy_bidirectional(&mut connection, &mut taken).await;
        drop((connection, taken));
        return shared.end(place, false);
    }
}
