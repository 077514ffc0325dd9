//! A Cluster of three masters with a replica each.

use redis::Value;

use super::{RedisServer, field, until};

/// How many masters there are, and replicas.
const SHARDS: usize = 3;

/// Slots there are (Redis Cluster specification, "Key distribution model").
const SLOTS: usize = 16_384;

/// Six servers that are one Cluster.
pub struct RedisCluster {
    /// Those that were masters at the start, then their replicas in the same order.
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// A Cluster whose nodes all say that it is well, with each replica in step.
    pub fn start() -> Self {
        let arguments = [
            "--cluster-enabled",
            "yes",
            // Long enough that a busy machine is not taken for a dead master.
            "--cluster-node-timeout",
            "3000",
            // However old a replica's data is, it may take over.
            "--cluster-replica-validity-factor",
            "0",
            "--cluster-announce-ip",
            "127.0.0.1",
        ];
        let cluster = Self { nodes: (0..2 * SHARDS).map(|_| RedisServer::start_with(&arguments)).collect() };
        cluster.join();
        cluster
    }

    fn join(&self) {
        let (masters, replicas) = self.nodes.split_at(SHARDS);
        for (shard, master) in masters.iter().enumerate() {
            let (first, last) = (shard * SLOTS / SHARDS, (shard + 1) * SLOTS / SHARDS - 1);
            master.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        for (number, node) in self.nodes.iter().enumerate() {
            // Nodes that come with the same epoch would have to settle whose is newer.
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        let first = &masters[0];
        for node in &self.nodes[1..] {
            let bus = node.ask::<(String, String)>(&["CONFIG", "GET", "cluster-port"]).1;
            let port = node.address().port().to_string();
            first.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        let all = self.nodes.len().to_string();
        self.agree("the nodes know each other", |info| field(info, "cluster_known_nodes") == Some(&all));
        for (master, replica) in masters.iter().zip(replicas) {
            let id: String = master.ask(&["CLUSTER", "MYID"]);
            // A node is known by a name before it is known to be a master.
            until("the master is known", || replica.try_ask::<()>(&["CLUSTER", "REPLICATE", &id]).is_ok());
        }
        replicas.iter().for_each(RedisServer::replicates);
        self.agree("the Cluster is well", |info| {
            field(info, "cluster_state") == Some("ok") && field(info, "cluster_size") == Some("3")
        });
    }

    /// Waits until every node that runs says so.
    fn agree(&self, what: &str, says: impl Fn(&str) -> bool) {
        for node in &self.nodes {
            until(what, || says(&node.try_ask::<String>(&["CLUSTER", "INFO"]).unwrap_or_default()));
        }
    }

    /// Where it is, as a URL that names three nodes, one of each shard.
    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.nodes[..SHARDS].iter().map(|node| node.address().to_string()).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    /// All nodes: those that were masters at the start, then their replicas.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// All nodes, to kill one and start it again.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// The masters as they are now.
    pub fn masters(&self) -> Vec<&RedisServer> {
        self.nodes.iter().filter(|node| node.is_master()).collect()
    }

    /// The node that has the slot of `key` now.
    pub fn master_of(&self, key: &str) -> usize {
        let has = |node: &RedisServer| {
            node.is_master()
                && node.try_ask::<Value>(&["EXISTS", key]).is_ok_and(|answer| matches!(answer, Value::Int(_)))
        };
        self.nodes.iter().position(has).expect("a node has the slot")
    }

    /// Kills the master that has the slot of `key` and waits until its replica has its place. What
    /// was not copied yet is lost.
    pub fn fail_over(&mut self, key: &str) {
        let master = self.master_of(key);
        self.nodes[master].kill();
        self.succeeded(master, key);
    }

    /// Kills the master that has the slot of `key` after `meanwhile`, of which the replica that
    /// takes its place has heard nothing.
    pub fn fail_over_behind(&mut self, key: &str, meanwhile: impl FnOnce()) {
        let master = self.master_of(key);
        let next = self.partner(master);
        self.nodes[next].cut_off(&self.nodes[master]);
        meanwhile();
        self.nodes[master].kill();
        self.nodes[next].resume();
        self.succeeded(master, key);
    }

    fn succeeded(&self, master: usize, key: &str) {
        let next = &self.nodes[self.partner(master)];
        until("the replica has its master's place", || {
            next.try_ask::<Value>(&["EXISTS", key]).is_ok() && next.is_master()
        });
        self.well(&[master]);
    }

    /// The other node of the same slots.
    fn partner(&self, node: usize) -> usize {
        (node + SHARDS) % self.nodes.len()
    }

    /// Has the replica take the place of the master that has the slot of `key`, though the master
    /// lives, without waiting for what was not copied yet.
    pub fn switch(&self, key: &str) {
        let master = self.master_of(key);
        let next = self.partner(master);
        self.nodes[next].ask::<()>(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        until("the replica has its master's place", || self.nodes[next].is_master());
        until("the master has made room", || !self.nodes[master].is_master());
        self.well(&[]);
    }

    /// Wipes every master.
    pub fn wipe(&self) {
        self.masters().into_iter().for_each(RedisServer::wipe);
    }

    fn well(&self, without: &[usize]) {
        for (_, node) in self.nodes.iter().enumerate().filter(|(number, _)| !without.contains(number)) {
            until("the Cluster is well", || {
                let info = node.try_ask::<String>(&["CLUSTER", "INFO"]).unwrap_or_default();
                field(&info, "cluster_state") == Some("ok")
            });
        }
    }
}
