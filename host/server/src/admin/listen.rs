//! Where the resources are served.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use reprise_session::vital::{Ended, Heart, Life, caught};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    task::JoinSet,
};

use super::{
    resources::{Guard, Operator},
    seats::Seats,
    socket::{Held, Socket, Taken},
};
use crate::{
    health::Health,
    http::{self, Patience},
    page::Page,
    phase::Phases,
    state_dir,
};

/// A request and an answer are small, and most come from this machine. Scrapers keep a connection for the next scrape.
const PATIENCE: Patience =
    Patience { request: Duration::from_secs(5), idle: Duration::from_secs(90), answer: Duration::from_secs(10) };
/// After a failed accept: time for what there is too little of to come back.
const PAUSE: Duration = Duration::from_millis(200);

/// The places, bound and not served yet.
pub(crate) struct Admin {
    tcp: Option<TcpListener>,
    socket: Option<Socket>,
    names: Arc<[String]>,
    page: Arc<Page>,
}

enum Place {
    Tcp(TcpListener),
    Socket { listener: UnixListener, _held: Held },
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Admin {
    /// Listens at `address`, if there is one, under these names beside the usual ones, and on the socket in the state directory. What
    /// `page` shows is shown at the address.
    ///
    /// # Errors
    /// The address or the socket is another server's, or `state_dir` was given and there can be no socket in it. That there
    /// can be none in the default directory is a warning.
    pub(crate) async fn bind(
        address: Option<SocketAddr>,
        names: &[String],
        page: Page,
        state_dir: Option<&Path>,
    ) -> Result<Self> {
        let tcp = match address {
            None => None,
            Some(address) => {
                if !address.ip().is_loopback() {
                    tracing::warn!(
                        "--admin {address} is open to other machines, without TLS or a password: see that only those reach \
                         it that may read metrics and policies' names, or give a port alone"
                    );
                }
                let listener = TcpListener::bind(address).await;
                Some(listener.with_context(|| format!("cannot listen on {address}: choose another --admin"))?)
            }
        };
        let socket = match state_dir::choose(state_dir).and_then(|dir| Socket::bind(&dir)) {
            Ok(socket) => Some(socket),
            Err(error) if state_dir.is_some() || error.is::<Taken>() => return Err(error),
            Err(error) => {
                tracing::warn!("`reprise status` cannot reach this server: {error:#}");
                None
            }
        };
        Ok(Self { tcp, socket, names: names.into(), page: Arc::new(page) })
    }

    /// Where `--admin` listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.local_addr().ok()
    }

    /// Serves until the tasks are dropped. The socket is closed when the server drains, so that its successor may have it.
    ///
    /// # Errors
    /// The socket cannot be had for this runtime.
    pub(crate) fn serve(self, health: &Health, phases: &Phases) -> Result<JoinSet<()>> {
        let mut places = Vec::new();
        places.extend(self.tcp.map(Place::Tcp));
        if let Some(Socket { listener, held }) = self.socket {
            places.push(Place::Socket { listener: UnixListener::from_std(listener)?, _held: held });
        }
        let mut tasks = JoinSet::new();
        let page = Arc::clone(&self.page);
        if places.iter().any(|place| !place.is_socket()) {
            tasks.spawn(page.keep(health.clone()));
        }
        for place in places {
            let page = (!place.is_socket()).then(|| Arc::clone(&self.page));
            let life = health.vitals().task(if place.is_socket() { "operators' socket" } else { "--admin" });
            let operator = Operator {
                health: health.clone(),
                phases: phases.clone(),
                may_change: place.is_socket(),
                page,
                guard: Guard::new(Arc::clone(&self.names)),
            };
            tasks.spawn(run(place, operator, life));
        }
        Ok(tasks)
    }
}

/// Until the server drains if it is the socket, else for ever: [`Admin::serve`] says who ends it.
async fn run(place: Place, operator: Operator, mut life: Life) {
    let mut connections = JoinSet::new();
    let heart = life.heart();
    while life.again(caught(accept(&place, &operator, &mut connections, &heart)).await).await {}
    drop(place);
    while connections.join_next().await.is_some() {}
}

async fn accept(place: &Place, operator: &Operator, connections: &mut JoinSet<()>, heart: &Heart) -> Ended {
    let seats = Arc::new(Seats::default());
    let mut draining = operator.phases.clone();
    loop {
        let mut stream = tokio::select! {
            stream = place.accept() => stream,
            () = draining.draining(), if place.is_socket() => return Ended::Told,
        };
        let _busy = heart.works();
        let (seat, mut phases) = (seats.take(), operator.phases.clone());
        let guard = Guard { seat: Arc::clone(seat.seat()), ..operator.guard.clone() };
        let operator = Operator { guard, ..operator.clone() };
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            tokio::select! {
                // What goes wrong on a connection is its client's business.
                _ = http::serve(&mut stream, &operator, PATIENCE, &mut phases) => {}
                () = seat.given_up() => {}
            }
        });
    }
}

impl Place {
    fn is_socket(&self) -> bool {
        matches!(self, Place::Socket { .. })
    }

    async fn accept(&self) -> Box<dyn Stream> {
        loop {
            let accepted: io::Result<Box<dyn Stream>> = match self {
                Place::Tcp(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as _),
                Place::Socket { listener, .. } => listener.accept().await.map(|(stream, _)| Box::new(stream) as _),
            };
            match accepted {
                Ok(stream) => return stream,
                Err(error) => {
                    tracing::debug!("an operator's connection cannot be accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
