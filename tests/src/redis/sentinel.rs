//! A master with a replica, and three Sentinels that watch them.

use super::{RedisServer, field, until};

/// What the Sentinels call the master.
const NAME: &str = "sessions";

/// Two servers, of which one is the master, and three Sentinels that agree which.
pub struct RedisSentinel {
    servers: [RedisServer; 2],
    sentinels: Vec<RedisServer>,
}

impl RedisSentinel {
    /// A master that has its replica, with the Sentinels of one mind.
    pub fn start() -> Self {
        let master = RedisServer::start();
        let port = master.address().port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        replica.replicates();
        let settings = [
            format!("sentinel monitor {NAME} 127.0.0.1 {port} 2"),
            // Long enough that a busy machine is not taken for a dead master.
            format!("sentinel down-after-milliseconds {NAME} 3000"),
            format!("sentinel failover-timeout {NAME} 6000"),
        ];
        let sentinel = |_| RedisServer::start_configured(&["--sentinel"], &settings);
        let started = Self { servers: [master, replica], sentinels: (0..3).map(sentinel).collect() };
        for sentinel in &started.sentinels {
            until("the Sentinels know each other and the replica", || {
                let info: String = sentinel.ask(&["INFO", "sentinel"]);
                field(&info, "master0").is_some_and(|master| {
                    ["status=ok", "slaves=1", "sentinels=3"]
                        .iter()
                        .all(|part| master.split(',').any(|has| has == *part))
                })
            });
        }
        started
    }

    /// Where the master is asked for, as a URL.
    pub fn url(&self) -> String {
        let sentinels: Vec<_> = self.sentinels.iter().map(|sentinel| sentinel.address().to_string()).collect();
        format!("redis+sentinel://{}/{NAME}", sentinels.join(","))
    }

    /// The server that is the master now.
    pub fn master(&self) -> &RedisServer {
        &self.servers[self.current()]
    }

    /// The other one.
    pub fn replica(&self) -> &RedisServer {
        &self.servers[1 - self.current()]
    }

    /// Both servers, to kill one and start it again.
    pub fn servers(&mut self) -> &mut [RedisServer; 2] {
        &mut self.servers
    }

    fn current(&self) -> usize {
        let (_, port): (String, u16) = self.sentinels[0].ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        self.servers.iter().position(|server| server.address().port() == port).expect("it is one of the two")
    }

    /// Kills the master and waits until the replica has its place. What was not copied yet is lost.
    pub fn fail_over(&mut self) {
        let before = self.current();
        self.servers[before].kill();
        self.promoted(1 - before);
    }

    /// Kills the master after `meanwhile`, of which the replica that takes its place has heard nothing.
    pub fn fail_over_behind(&mut self, meanwhile: impl FnOnce()) {
        let before = self.current();
        self.servers[1 - before].cut_off(&self.servers[before]);
        meanwhile();
        self.servers[before].kill();
        self.servers[1 - before].resume();
        self.promoted(1 - before);
    }

    /// Has the replica take the master's place, though the master lives, and waits until it has.
    pub fn switch(&self) {
        let next = 1 - self.current();
        until("a Sentinel takes the order", || {
            self.sentinels[0].try_ask::<()>(&["SENTINEL", "FAILOVER", NAME]).is_ok()
        });
        self.promoted(next);
    }

    fn promoted(&self, next: usize) {
        until("the replica is the master", || self.current() == next && self.servers[next].is_master());
    }
}
