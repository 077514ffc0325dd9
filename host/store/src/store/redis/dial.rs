//! Connections to servers, each within bounds.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use openssl::ssl::{SslConnector, SslMethod};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, RedisError,
    RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::Connect,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{AbortHandle, JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_openssl::SslStream;

use super::{bounds::Bounded, cluster};

/// How long a server may take to accept a connection and to say that it is one.
pub const CONNECTING: Duration = Duration::from_secs(1);

/// The most addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// The most connections of one store. A Cluster's node may send whom it likes, and wherever it likes.
const CONNECTIONS: usize = 2 * cluster::NODES;

/// The most names of which the addresses are asked for at once, each by a thread that may wait for long.
const NAMES: usize = 16;

thread_local! {
    // A store has a thread, and its library connects from there with nothing in hand that would say whose it is.
    static FREE: Free = Free {
        connections: Arc::new(Semaphore::new(CONNECTIONS)),
        names: Arc::new(Semaphore::new(NAMES)),
    };
}

/// What a store may still have.
#[derive(Clone)]
struct Free {
    connections: Arc<Semaphore>,
    names: Arc<Semaphore>,
}

/// A connection, with the task that serves it.
#[derive(Clone)]
pub struct Bound {
    connection: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// Ended with the last that holds it: by itself it would wait for answers that may never come.
struct Driver {
    task: AbortHandle,
    _place: OwnedSemaphorePermit,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bound {
    /// Connects, and sets up the connection as `info` says.
    pub async fn dial(info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Self> {
        let dialled = timeout(CONNECTING, Self::try_dial(info, config)).await;
        dialled.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    async fn try_dial(info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Self> {
        let place = FREE.with(|free| free.connections.clone()).try_acquire_owned();
        let place = place.map_err(|_| io::Error::other(format!("there are {CONNECTIONS} connections already")))?;
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => Self::over(connect(host, *port).await?, place, info, config).await,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let tls = |error: &dyn std::fmt::Display| io::Error::other(format!("TLS: {error}"));
                let connector = SslConnector::builder(SslMethod::tls_client()).map_err(|error| tls(&error))?.build();
                let ssl = connector.configure().and_then(|ssl| ssl.into_ssl(host)).map_err(|error| tls(&error))?;
                let mut stream = SslStream::new(ssl, connect(host, *port).await?).map_err(|error| tls(&error))?;
                std::pin::Pin::new(&mut stream).connect().await.map_err(|error| tls(&error))?;
                Self::over(stream, place, info, config).await
            }
            _ => Err(RedisError::from((ErrorKind::InvalidClientConfig, "neither TCP nor TLS"))),
        }
    }

    async fn over<S>(
        stream: S,
        place: OwnedSemaphorePermit,
        info: &ConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> RedisResult<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // What a server is told of its client (`CLIENT SETINFO`) is a right that nothing here
        // needs, and that the user may not have.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&settings, Bounded::new(stream), config).await?;
        let driver = Arc::new(Driver { task: tokio::spawn(driver).abort_handle(), _place: place });
        Ok(Self { connection, _driver: driver })
    }

    /// Has what is published on `channel` pushed here.
    pub async fn subscribe(&mut self, channel: &[u8]) -> RedisResult<()> {
        self.connection.subscribe(channel).await
    }
}

/// The first of a name's addresses that answers.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut tried: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    for address in addresses(host, port).await? {
        tried.spawn(async move { connect_to(address).await });
    }
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    while let Some(connected) = tried.join_next().await {
        match connected {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(error) => failed = io::Error::other(error),
        }
    }
    Err(failed)
}

async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let thread = FREE.with(|free| free.names.clone()).acquire_owned().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    let asked = spawn_blocking(move || {
        let _thread = thread;
        Ok((host.as_str(), port).to_socket_addrs()?.take(ADDRESSES).collect())
    });
    asked.await.map_err(io::Error::other)?
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A question is one small packet, and somebody waits for it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl ConnectionLike for Bound {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if !cluster::asks_for_nodes(command) {
            return self.connection.req_packed_command(command);
        }
        Box::pin(async move {
            let answer = self.connection.req_packed_command(command).await.and_then(Value::extract_error);
            paced(answer.and_then(|answer| cluster::look_at_nodes(&answer).map(|()| answer))).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// How a Cluster's client connects to each of its nodes.
impl Connect for Bound {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        Box::pin(async move { paced(Self::dial(&info.into_connection_info()?, config).await).await })
    }
}

/// What failed takes a while, for it is tried again at once.
async fn paced<T>(done: RedisResult<T>) -> RedisResult<T> {
    if done.is_err() {
        sleep(cluster::PAUSE).await;
    }
    done
}
