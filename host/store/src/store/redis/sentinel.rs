//! Who the master is, as Sentinels say.

use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisError, RedisResult, Value, aio::ConnectionLike,
};
use tokio::task::JoinSet;

use super::dial::{Bound, CONNECTING};

/// Sentinels, and what they call the master.
#[derive(Clone)]
pub struct Sentinels {
    /// User, password and database are the master's: Sentinels are asked without.
    pub servers: Vec<ConnectionInfo>,
    pub master: String,
}

impl Sentinels {
    /// A connection to the master: to the first one that a Sentinel names and that says itself that
    /// it is. All are asked at once, for some may not answer.
    pub async fn connect(&self, config: AsyncConnectionConfig) -> RedisResult<Bound> {
        let mut asked = JoinSet::new();
        for sentinel in &self.servers {
            asked.spawn(named_by(sentinel.clone(), self.master.clone()));
        }
        let mut failed = RedisError::from((ErrorKind::InvalidClientConfig, "no Sentinel is given"));
        while let Some(named) = asked.join_next().await {
            let connected = match named {
                Ok(Ok(master)) => master_at(&master, config.clone()).await,
                Ok(Err(error)) => Err(error),
                Err(error) => Err(std::io::Error::other(error).into()),
            };
            match connected {
                Ok(master) => return Ok(master),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Where a Sentinel says that the master is.
async fn named_by(sentinel: ConnectionInfo, master: String) -> RedisResult<ConnectionInfo> {
    let plain = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2);
    let asked = sentinel.addr().clone().into_connection_info()?.set_redis_settings(plain);
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(CONNECTING));
    let mut asked = Bound::dial(&asked, config).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let answer = asked.req_packed_command(&question).await?.extract_error()?;
    if answer == Value::Nil {
        return Err(RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, "no Sentinel knows the master")));
    }
    let (host, port): (String, u16) = FromRedisValue::from_redis_value(answer)?;
    let address = match sentinel.addr() {
        ConnectionAddr::TcpTls { .. } => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        _ => ConnectionAddr::Tcp(host, port),
    };
    Ok(address.into_connection_info()?.set_redis_settings(sentinel.redis_settings().clone()))
}

async fn master_at(info: &ConnectionInfo, config: AsyncConnectionConfig) -> RedisResult<Bound> {
    let mut master = Bound::dial(info, config).await?;
    let mut question = redis::cmd("INFO");
    question.arg("replication");
    let replication: String =
        FromRedisValue::from_redis_value(master.req_packed_command(&question).await?.extract_error()?)?;
    if replication.lines().any(|line| line.trim_end() == "role:master") {
        Ok(master)
    } else {
        Err(RedisError::from((ErrorKind::Client, "whom a Sentinel calls the master is none")))
    }
}
