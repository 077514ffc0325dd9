//! Accepting connections, as many at once as there is room for.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use reprise_session::vital::{Ended, Life, caught};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
};

use super::{Shared, connection};
use crate::phase::Phases;

/// After a failed accept: time for connections to end and give back what there was too little of.
const PAUSE: Duration = Duration::from_millis(200);
/// One line of the log for as many failures as happen within this.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Where connections come from.
pub(crate) trait Accept: Sync {
    /// The next one. Dropped while it waits, none is lost.
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }
}

/// Accepts on `socket` and serves what comes, until the server drains; then waits until every connection is done.
/// Whatever becomes of accepting, connections go on.
pub(crate) async fn run(socket: impl Accept, listener: usize, shared: Arc<Shared>, mut phases: Phases, mut life: Life) {
    let mut connections = JoinSet::new();
    while life.again(caught(accept_all(&socket, listener, &shared, &mut phases, &mut connections)).await).await {}
    drop(socket);
    while let Some(done) = connections.join_next().await {
        note_panic(done);
    }
}

/// Accepts until the server drains.
async fn accept_all(
    socket: &impl Accept,
    listener: usize,
    shared: &Arc<Shared>,
    phases: &mut Phases,
    connections: &mut JoinSet<()>,
) -> Ended {
    let mut complained = None;
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = phases.draining() => return Ended::Told,
            Some(done) = connections.join_next() => {
                note_panic(done);
                continue;
            }
            accepted = next(socket, &shared.room, &mut complained) => accepted,
        };
        let (shared, phases) = (Arc::clone(shared), phases.clone());
        connections.spawn(async move {
            connection::serve(&shared, listener, stream, peer, phases).await;
            drop(permit);
        });
    }
}

/// The next connection, once there is room for it. Until then it stays in the kernel's backlog.
async fn next(
    socket: &impl Accept,
    room: &Arc<Semaphore>,
    complained: &mut Option<Instant>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = match Arc::clone(room).acquire_owned().await {
        Ok(permit) => permit,
        Err(_closed) => std::future::pending().await, // Nobody closes it.
    };
    loop {
        let error = match socket.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => error,
        };
        // A peer that gave up before it was accepted (ECONNABORTED) is no reason to pause, but a pause costs little. Too few
        // file descriptors (EMFILE, ENFILE) are: the connection stays in the backlog, and accept would fail in a tight loop.
        if complained.is_none_or(|last| last.elapsed() > COMPLAIN_EVERY) {
            *complained = Some(Instant::now());
            tracing::warn!(
                "connections cannot be accepted: {error}; if it is files that are short, raise `ulimit -n` or lower \
                 --max-connections"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn note_panic(done: Result<(), JoinError>) {
    if let Err(error) = done
        && error.is_panic()
    {
        tracing::error!("a connection ended in a panic, the others go on: {error}");
    }
}
