//! Connections to servers, each within bounds.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use openssl::ssl::{SslConnector, SslMethod};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, RedisError,
    RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::Connect,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_openssl::SslStream;

use super::bounds::Bounded;

/// How long a server may take to accept a connection and to say that it is one.
pub const CONNECTING: Duration = Duration::from_secs(1);

/// The most addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// A connection, with the task that serves it.
#[derive(Clone)]
pub struct Bound {
    connection: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// Ended with the last that holds it: by itself it would wait for answers that may never come.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Bound {
    /// Connects, and sets up the connection as `info` says.
    pub async fn dial(info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Self> {
        let dialled = timeout(CONNECTING, Self::try_dial(info, config)).await;
        dialled.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    async fn try_dial(info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Self> {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => Self::over(connect(host, *port).await?, info, config).await,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let tls = |error: &dyn std::fmt::Display| io::Error::other(format!("TLS: {error}"));
                let connector = SslConnector::builder(SslMethod::tls_client()).map_err(|error| tls(&error))?.build();
                let ssl = connector.configure().and_then(|ssl| ssl.into_ssl(host)).map_err(|error| tls(&error))?;
                let mut stream = SslStream::new(ssl, connect(host, *port).await?).map_err(|error| tls(&error))?;
                std::pin::Pin::new(&mut stream).connect().await.map_err(|error| tls(&error))?;
                Self::over(stream, info, config).await
            }
            _ => Err(RedisError::from((ErrorKind::InvalidClientConfig, "neither TCP nor TLS"))),
        }
    }

    async fn over<S>(stream: S, info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // What a server is told of its client (`CLIENT SETINFO`) is a right that nothing here needs, and that the user may not have.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&settings, Bounded::new(stream), config).await?;
        let driver = Arc::new(Driver(tokio::spawn(driver).abort_handle()));
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
    for address in lookup_host((host, port)).await?.take(ADDRESSES) {
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

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A question is one small packet, and somebody waits for it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl ConnectionLike for Bound {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection.req_packed_command(command)
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
        Box::pin(async move { Self::dial(&info.into_connection_info()?, config).await })
    }
}
