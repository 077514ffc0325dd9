//! The connection, kept.
//!
//! It is made in the background and made anew when it breaks: when it is closed, when the server is
//! no longer a master, when nothing was answered for a while. Until there is one, whoever asks is
//! told so at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::{AsyncPushSender, SendError},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use reprise_session::lock::Mutex;
use reprise_session::vital::Heart;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    address::{Address, Servers},
    dial::{Bound, CONNECTING},
    news::News,
    random,
    script::{self, Script},
};
use crate::store::Unavailable;

/// The same with all that comes before: Sentinels, of which some may not answer.
const CONNECTING_AT_ALL: Duration = Duration::from_secs(5);

/// Pauses between attempts to connect: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that is over so soon is made anew with growing pauses: its server says what it
/// should not, or is no master.
const SHORT: Duration = Duration::from_secs(1);

/// After so long without an answer to anything, the connection is made anew.
const SILENCE: Duration = Duration::from_secs(2);

/// How often a Cluster's client goes where it is sent, or asks again.
const RETRIES: u32 = 4;

/// The connection, as long as it is good.
pub struct Link {
    address: Address,
    answers_within: Duration,
    channel: Vec<u8>,
    news: Arc<News>,
    connection: watch::Sender<Option<Connection>>,
    broken: Notify,
    answered: Mutex<Instant>,
}

#[derive(Clone)]
enum Connection {
    One(Bound),
    Cluster {
        /// Asks again what may have been done: never twice what must be done once.
        asks: ClusterConnection<Bound>,
        /// Does what it is told once, or says that it is not done, or that this is not known.
        once: ClusterConnection<Bound>,
    },
}

/// Whether a command may be sent again when it is not known whether it was done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Again {
    MaySend,
    Never,
}

impl Link {
    /// None yet: [`Link::keep`] makes it.
    pub fn new(address: Address, answers_within: Duration, channel: Vec<u8>, news: Arc<News>) -> Self {
        Self {
            address,
            answers_within,
            channel,
            news,
            connection: watch::Sender::new(None),
            broken: Notify::new(),
            answered: Mutex::new(Instant::now()),
        }
    }

    /// Connects, and connects again, for as long as it is polled. What is published on the channel goes to `news`.
    pub async fn keep(&self, heart: &Heart) {
        let mut pause = FIRST_PAUSE;
        let (mut said, mut soon) = (false, false);
        loop {
            let connected = {
                let _busy = heart.works();
                timeout(CONNECTING_AT_ALL, self.connect()).await
            };
            match connected.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())) {
                Ok(connection) => {
                    if !soon {
                        tracing::info!(store = %self.address, "connected to the session store");
                    }
                    let made = Instant::now();
                    *self.answered.lock() = made;
                    self.connection.send_replace(Some(connection));
                    said = false;
                    self.broken.notified().await;
                    let again = soon;
                    soon = made.elapsed() < SHORT;
                    if soon && again {
                        tracing::debug!(store = %self.address, "the connection to the session store is over again");
                    } else {
                        tracing::warn!(store = %self.address, "reconnecting to the session store");
                    }
                }
                Err(error) if !said => {
                    said = true;
                    tracing::warn!(store = %self.address, %error, "no connection to the session store; sessions are not shared");
                }
                Err(error) => tracing::debug!(store = %self.address, %error, "no connection to the session store"),
            }
            // Nodes that lost it together do not come back together.
            sleep(pause.mul_f64(0.5 + f64::from(random::<1>()[0]) / 255.0)).await;
            pause = if said || soon { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
        }
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(self.answers_within))
            .set_push_sender(self.news.clone());
        let mut connection = match self.address.servers() {
            Servers::Alone(server) => Bound::dial(server, config).await?,
            Servers::Sentinel(sentinels) => sentinels.connect(config).await?,
            Servers::Cluster(nodes) => {
                let builder = |nodes: &[_]| {
                    ClusterClient::builder(nodes.to_vec())
                        .connection_timeout(CONNECTING)
                        .response_timeout(self.answers_within)
                };
                let once = builder(nodes).retries(0).build()?.get_async_generic_connection().await?;
                let asks = builder(nodes).retries(RETRIES).push_sender(self.news.clone()).build()?;
                let mut asks: ClusterConnection<Bound> = asks.get_async_generic_connection().await?;
                asks.subscribe(&self.channel).await?;
                return Ok(Connection::Cluster { asks, once });
            }
        };
        connection.subscribe(&self.channel).await?;
        Ok(Connection::One(connection))
    }

    /// Makes another connection: this one's server does not do what is needed of it.
    pub fn renew(&self) {
        self.broken.notify_one();
    }

    /// Waits until there is a connection, for so long at most.
    pub async fn connected(&self, patience: Duration) -> bool {
        timeout(patience, self.connection.subscribe().wait_for(Option::is_some)).await.is_ok_and(|there| there.is_ok())
    }

    /// Runs a script there.
    pub async fn run(&self, script: &Script, keys: &[&[u8]], arguments: &[&[u8]], again: Again) -> RedisResult<Value> {
        match self.send(&script.by_digest(keys, arguments), again).await {
            Err(error) if script::is_unknown(&error) => self.send(&script.by_text(keys, arguments), again).await,
            answer => answer,
        }
    }

    /// What the server answers.
    pub async fn send(&self, command: &Cmd, again: Again) -> RedisResult<Value> {
        let connection = self.connection.borrow().clone();
        let answer = match connection {
            None => return Err(not_connected()),
            Some(Connection::One(mut connection)) => command.query_async(&mut connection).await,
            Some(Connection::Cluster { mut asks, .. }) if again == Again::MaySend => {
                command.query_async(&mut asks).await
            }
            Some(Connection::Cluster { mut once, .. }) => command.query_async(&mut once).await,
        };
        match &answer {
            Ok(_) => *self.answered.lock() = Instant::now(),
            Err(error) => self.weigh(error),
        }
        answer
    }

    /// Whether this error means that another connection is needed.
    fn weigh(&self, error: &RedisError) {
        let silent = self.answered.lock().elapsed() > SILENCE;
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => self.broken.notify_one(),
            // Whatever else it says, it is there. But a Cluster's client that has lost all nodes
            // can come to ask nobody any more.
            kind if !error.is_io_error()
                && !matches!(kind, ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound) => {}
            // A Cluster's client sees to its connections itself, and is given the time. Then it
            // makes room, for all that it has.
            _ if self.address.is_cluster() => {
                if silent {
                    self.connection.send_replace(None);
                    self.broken.notify_one();
                }
            }
            _ if error.is_timeout() => {
                if silent {
                    self.broken.notify_one();
                }
            }
            _ => {
                self.connection.send_replace(None);
                self.broken.notify_one();
            }
        }
    }
}

/// What is answered while there is no connection.
pub fn not_connected() -> RedisError {
    RedisError::from((ErrorKind::Io, "not connected"))
}

/// Whether the server has said that it has not done it, and may do it when asked again a little later.
pub fn was_refused_for_now(error: &RedisError) -> bool {
    use ServerErrorKind as Server;
    let ErrorKind::Server(kind) = error.kind() else { return false };
    matches!(
        kind,
        Server::Moved
            | Server::Ask
            | Server::TryAgain
            | Server::ClusterDown
            | Server::BusyLoading
            | Server::MasterDown
            | Server::ReadOnly
    )
}

/// Told on the task that reads the connection: what comes faster than it can be told waits in the
/// socket, and nowhere else.
impl AsyncPushSender for News {
    fn send(&self, info: redis::PushInfo) -> Result<(), SendError> {
        self.hear(&info);
        Ok(())
    }
}

impl From<RedisError> for Unavailable {
    fn from(error: RedisError) -> Self {
        Unavailable(error.to_string())
    }
}
