//! A session that was consumed is never given out again, whatever becomes of the server.

use reprise::store::Store;
use reprise_tests::{
    redis::{RedisCluster, RedisServer},
    until,
};

use super::{Consume, entry, fetch, find, key, node, put, single_use, take};

#[test]
fn a_server_that_starts_from_an_old_file_gives_nothing_out_again() {
    let mut server = RedisServer::start();
    let node = node(&server.url(), "a");
    let (once, early, often) = (put(&node, single_use()), put(&node, entry()), put(&node, entry()));
    server.ask::<()>(&["SAVE"]);
    assert!(take(&node, &once).is_some() && take(&node, &early).is_some());
    server.restart();
    assert_eq!(server.ask::<u64>(&["EXISTS", &key(&once), &key(&early)]), 2, "both are there again");
    until("the node is back", || find(&node, &often).is_ok());
    assert!(take(&node, &once).is_none() && take(&node, &early).is_none());
    assert!(find(&node, &often).unwrap().is_some(), "what is for many uses is still good");
}

#[test]
fn of_two_masters_after_a_split_one_at_most_gives_it_out() {
    let [first, second] = pair();
    let (left, right) = (node(&first.url(), "a"), node(&second.url(), "b"));
    let (once, early) = (put(&left, single_use()), put(&left, entry()));
    in_step(&second, &key(&early));
    second.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(second.ask::<u64>(&["EXISTS", &key(&once), &key(&early)]), 2);
    assert!(take(&left, &once).is_some() && take(&left, &early).is_some());
    assert!(take(&right, &once).is_none() && take(&right, &early).is_none());
}

#[test]
fn a_master_that_was_demoted_and_is_promoted_again_does_not_give_out_what_it_had_given_out() {
    let [first, second] = pair();
    let node = node(&first.url(), "a");
    let (once, early) = (put(&node, single_use()), put(&node, entry()));
    in_step(&second, &key(&early));
    second.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    assert!(take(&node, &once).is_some() && take(&node, &early).is_some());
    // It copies from the other one what it had itself consumed.
    let run = first.info("run_id");
    first.ask::<()>(&["REPLICAOF", "127.0.0.1", &second.address().port().to_string()]);
    in_step(&first, &key(&once));
    first.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!((first.ask::<u64>(&["EXISTS", &key(&once), &key(&early)]), first.info("run_id")), (2, run));
    let ask = |id| {
        let mut answer = fetch(&node, id, Consume::Always);
        until("the node is back", || {
            if answer.is_err() {
                answer = fetch(&node, id, Consume::Always);
            }
            answer.is_ok()
        });
        answer.unwrap()
    };
    assert!(ask(&once).is_none() && ask(&early).is_none());
}

#[test]
fn a_slot_that_moves_and_comes_back_brings_nothing_back() {
    let cluster = RedisCluster::start();
    let node = node(&cluster.url(), "a");
    let once = put(&node, single_use());
    let home = cluster.master_of(&key(&once));
    let away = (home + 1) % 3;
    let slot: u64 = cluster.nodes()[home].ask(&["CLUSTER", "KEYSLOT", &key(&once)]);
    // A migration that breaks off after the copy, as one does that hears no answer.
    let (here, there) = (&cluster.nodes()[home], &cluster.nodes()[away]);
    let migration = Migration::begin(slot, here, there);
    here.ask::<()>(&["MIGRATE", "127.0.0.1", &port(there), &key(&once), "0", "60000", "COPY"]);
    assert!(take(&node, &once).is_some_and(|found| found.consumed), "it was at home still");
    migration.end(cluster.nodes());
    let (here, there) = (&cluster.nodes()[home], &cluster.nodes()[away]);
    let migration = Migration::begin(slot, there, here);
    there.ask::<()>(&["MIGRATE", "127.0.0.1", &port(here), &key(&once), "0", "60000"]);
    migration.end(cluster.nodes());
    assert_eq!(cluster.nodes()[home].ask::<u64>(&["EXISTS", &key(&once)]), 1, "it is there again");
    assert!(take(&node, &once).is_none());
    // The node has followed the slot, both ways.
    assert!(take(&node, &put(&node, single_use())).is_some());
    assert_eq!(node.usage().dropped, 0);
}

/// A slot on its way.
struct Migration {
    slot: String,
    to: String,
}

impl Migration {
    fn begin(slot: u64, from: &RedisServer, to: &RedisServer) -> Self {
        let (slot, [source, target]) =
            (slot.to_string(), [from, to].map(|node| node.ask::<String>(&["CLUSTER", "MYID"])));
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
        Self { slot, to: target }
    }

    /// First where it goes, so that it is never nobody's.
    fn end(self, nodes: &[RedisServer]) {
        let (target, others): (Vec<_>, Vec<_>) =
            nodes[..3].iter().partition(|node| node.ask::<String>(&["CLUSTER", "MYID"]) == self.to);
        for node in target.into_iter().chain(others) {
            // A node that has keys of the slot still is not asked: it hears of it.
            let _ = node.try_ask::<()>(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.to]);
        }
    }
}

/// A master, and its replica. A master begins a new history for its first replica, which is to be over.
fn pair() -> [RedisServer; 2] {
    let master = RedisServer::start();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port(&master)]);
    until("the replica is in step", || replica.info("master_link_status") == "up");
    [master, replica]
}

fn port(server: &RedisServer) -> String {
    server.address().port().to_string()
}

fn in_step(replica: &RedisServer, key: &str) {
    until("the replica has it", || replica.try_ask::<u64>(&["EXISTS", key]).is_ok_and(|there| there == 1));
}
