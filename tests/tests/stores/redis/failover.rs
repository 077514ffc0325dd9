//! A replica takes its master's place, and the store goes on by itself.

use std::time::Duration;

use reprise::{
    session::SessionId,
    store::{Consume, Redis, RedisOptions},
};
use reprise_tests::{
    redis::{RedisCluster, RedisSentinel, RedisServer},
    until,
};

use super::{connected, entry, fetch, find, key, patient, put, single_use, take};

/// A node that takes a server for dead after a second.
fn node(url: &str, name: &str) -> Redis {
    let options = RedisOptions { answers_within: Duration::from_secs(1), ..patient(name) };
    connected(Redis::connect(url, options).unwrap())
}

#[test]
fn when_a_sentinel_promotes_another_master_nodes_find_it_and_what_it_has() {
    let mut sentinel = RedisSentinel::start();
    let nodes = [node(&sentinel.url(), "a"), node(&sentinel.url(), "b")];
    let before = put(&nodes[0], entry());
    copied(sentinel.master());
    sentinel.switch();
    go_on(&nodes, &before);
    copied(sentinel.master());
    sentinel.fail_over();
    go_on(&nodes, &before);
}

#[test]
fn when_a_master_of_a_cluster_dies_nodes_find_its_replica_and_what_it_has() {
    let mut cluster = RedisCluster::start();
    let nodes = [node(&cluster.url(), "a"), node(&cluster.url(), "b")];
    let before = put(&nodes[0], entry());
    let master = cluster.master_of(&key(&before));
    copied(&cluster.nodes()[master]);
    cluster.fail_over(&key(&before));
    go_on(&nodes, &before);
}

/// Waits until the replica has what the master has had so far. (`WAIT` would look at what was
/// written over its own connection.)
fn copied(master: &RedisServer) {
    let had: u64 = master.info("master_repl_offset").parse().unwrap();
    until("the replica has it", || {
        let replica = master.ask::<String>(&["INFO", "replication"]);
        let replica = replica.lines().find(|line| line.starts_with("slave0:") && line.contains("state=online"));
        let offset = replica.and_then(|replica| replica.split(',').find_map(|part| part.strip_prefix("offset=")));
        offset.is_some_and(|offset| offset.parse::<u64>().unwrap() >= had)
    });
}

/// What was there is found, and what is put from now on is, at the other node, once.
fn go_on(nodes: &[Redis; 2], before: &SessionId) {
    for node in nodes {
        until("what the replica has is found", || find(node, before).is_ok_and(|found| found.is_some()));
    }
    until("what is put is found", || {
        let id = put(&nodes[0], single_use());
        fetch(&nodes[1], &id, Consume::Always).is_ok_and(|found| found.is_some())
    });
    let id = put(&nodes[0], single_use());
    assert!(take(&nodes[1], &id).is_some_and(|found| found.consumed));
    assert!(nodes.iter().all(|node| find(node, &id).unwrap().is_none()));
}

#[test]
fn a_replica_that_had_not_heard_what_is_consumed_does_not_give_it_out_again() {
    let mut sentinel = RedisSentinel::start();
    let nodes = [node(&sentinel.url(), "a"), node(&sentinel.url(), "b")];
    let sessions = [put(&nodes[0], single_use()), put(&nodes[0], entry())];
    copied(sentinel.master());
    sentinel.fail_over_behind(|| consume(&nodes[0], &sessions));
    stay_consumed(&nodes, &sessions, sentinel.master());

    let mut cluster = RedisCluster::start();
    let nodes = [node(&cluster.url(), "a"), node(&cluster.url(), "b")];
    let once = put(&nodes[0], single_use());
    // One in the same slots.
    let home = cluster.master_of(&key(&once));
    let early = loop {
        let early = put(&nodes[0], entry());
        if cluster.master_of(&key(&early)) == home {
            break early;
        }
    };
    copied(&cluster.nodes()[home]);
    cluster.fail_over_behind(&key(&once), || consume(&nodes[0], &[once, early]));
    stay_consumed(&nodes, &[once, early], &cluster.nodes()[cluster.master_of(&key(&once))]);
}

/// A session for single use, and one that is taken for early data.
fn consume(node: &Redis, [once, early]: &[SessionId; 2]) {
    assert!(take(node, once).is_some() && take(node, early).is_some());
}

fn stay_consumed(nodes: &[Redis; 2], [once, early]: &[SessionId; 2], master: &RedisServer) {
    let there = [once, early].map(|id| master.ask::<u64>(&["EXISTS", &key(id)]));
    assert_eq!(there, [1, 1], "both are there again");
    for node in nodes {
        for id in [once, early] {
            let mut answer = fetch(node, id, Consume::Always);
            until("the node is back", || {
                if answer.is_err() {
                    answer = fetch(node, id, Consume::Always);
                }
                answer.is_ok()
            });
            assert!(answer.unwrap().is_none());
        }
    }
}
