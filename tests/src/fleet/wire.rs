//! What lies between the nodes and a store: a wire that delays answers, or garbles them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::{broadcast, mpsc},
    time::{Instant, sleep_until},
};

use super::runtime;

/// Neither a type that RESP has nor text (Redis serialization protocol specification).
const GARBAGE: &[u8] = b"\x00\xff\xfe garbage \x00\r\n\r\n\x01\x02\x03";

/// A wire to a store's server.
pub struct Wire {
    address: SocketAddr,
    state: Arc<State>,
    _runtime: Runtime,
}

struct State {
    upstream: SocketAddr,
    fault: Mutex<Fault>,
    cut: broadcast::Sender<()>,
}

#[derive(Clone, Copy)]
enum Fault {
    None,
    Slow(Duration),
    Garbage,
}

impl Wire {
    /// A wire that has no faults yet.
    pub fn to(upstream: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(State { upstream, fault: Mutex::new(Fault::None), cut: broadcast::channel(1).0 });
        runtime.spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, _runtime: runtime }
    }

    /// Its near end, as a URL of a Redis.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on each answer comes so much later, however many are under way.
    pub fn slow(&self, by: Duration) {
        self.state.set(Fault::Slow(by));
    }

    /// From now on each answer is garbage.
    pub fn garble(&self) {
        self.state.set(Fault::Garbage);
    }

    /// From now on it has no faults; what is connected over it is cut, for nobody knows what was lost.
    pub fn mend(&self) {
        self.state.set(Fault::None);
        // An error is that nobody is connected.
        let _ = self.state.cut.send(());
    }
}

impl State {
    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        tokio::spawn(connect(near, Arc::clone(&state)));
    }
}

async fn connect(near: TcpStream, state: Arc<State>) {
    let mut cut = state.cut.subscribe();
    let Ok(far) = TcpStream::connect(state.upstream).await else { return };
    let _ = near.set_nodelay(true).and(far.set_nodelay(true));
    let ((mut asks, answered), (answers, mut asked)) = (near.into_split(), far.into_split());
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::select! {
        _ = copy(&mut asks, &mut asked) => {}
        () = read(answers, sender, &state) => {}
        () = deliver(answered, receiver) => {}
        _ = cut.recv() => {}
    }
}

async fn read(mut answers: OwnedReadHalf, sender: mpsc::UnboundedSender<(Instant, Vec<u8>)>, state: &State) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = answers.read(&mut buffer).await {
        let now = Instant::now();
        let answer = buffer[..length].to_vec();
        let delivery = match state.fault() {
            Fault::None => (now, answer),
            Fault::Slow(by) => (now + by, answer),
            Fault::Garbage => (now, GARBAGE.to_vec()),
        };
        if sender.send(delivery).is_err() {
            return;
        }
    }
}

async fn deliver(mut answered: OwnedWriteHalf, mut receiver: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>) {
    while let Some((at, answer)) = receiver.recv().await {
        sleep_until(at).await;
        if answered.write_all(&answer).await.is_err() {
            return;
        }
    }
}
