//! A replica takes its master's place, and the store goes on by itself.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use reprise::{
    session::SessionId,
    store::{Redis, RedisOptions, Store},
};
use reprise_tests::{
    redis::{RedisCluster, RedisSentinel, RedisServer},
    until,
};

use super::{NOW, connected, entry, find, id, key, patient, put, single_use, written};

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

/// Waits until the replica has what the master has had so far.
fn copied(master: &RedisServer) {
    until("the replica has it", || master.ask::<u64>(&["WAIT", "1", "100"]) == 1);
}

/// What was there is found, and what is put from now on is, at the other node, once.
fn go_on(nodes: &[Redis; 2], before: &SessionId) {
    for node in nodes {
        until("what the replica has is found", || find(node, before).is_ok_and(|found| found.is_some()));
    }
    until("what is put is found", || {
        let id = put(&nodes[0], single_use());
        find(&nodes[1], &id).is_ok_and(|found| found.is_some())
    });
    let id = put(&nodes[0], single_use());
    assert!(find(&nodes[1], &id).unwrap().is_some_and(|found| found.consumed));
    assert!(nodes.iter().all(|node| find(node, &id).unwrap().is_none()));
}

#[test]
fn while_a_master_dies_no_session_is_given_out_twice() {
    let mut sentinel = RedisSentinel::start();
    let nodes = [node(&sentinel.url(), "a"), node(&sentinel.url(), "b")];
    given_out_once(&nodes, || sentinel.fail_over());
    let mut cluster = RedisCluster::start();
    let nodes = [node(&cluster.url(), "a"), node(&cluster.url(), "b")];
    given_out_once(&nodes, || cluster.fail_over(&key(&id())));
}

fn given_out_once(nodes: &[Redis; 2], fail_over: impl FnOnce()) {
    const SESSIONS: usize = 2000;
    let sessions: Vec<SessionId> = (0..SESSIONS).map(|_| id()).collect();
    for id in &sessions {
        nodes[0].put(*id, single_use(), NOW);
    }
    written(&nodes[0]);
    assert_eq!(nodes[0].usage().dropped, 0);
    let given_out: Vec<AtomicUsize> = sessions.iter().map(|_| AtomicUsize::new(0)).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for (node, backwards) in nodes.iter().chain(nodes).zip([false, true, true, false]) {
            let (sessions, given_out, over) = (&sessions, &given_out, &over);
            // Each asks for every session, and again for all once it is over.
            scope.spawn(move || {
                for round in 0.. {
                    let last = over.load(Relaxed);
                    for step in 0..SESSIONS {
                        let number = if backwards { SESSIONS - 1 - step } else { step };
                        if round == 0 && step % 64 == 0 {
                            thread::yield_now();
                        }
                        if let Ok(Some(_)) = find(node, &sessions[number]) {
                            given_out[number].fetch_add(1, Relaxed);
                        }
                    }
                    if last {
                        break;
                    }
                }
            });
        }
        let given_out = || given_out.iter().filter(|count| count.load(Relaxed) > 0).count();
        until("some are given out", || given_out() > SESSIONS / 10);
        fail_over();
        over.store(true, Relaxed);
    });
    let most = given_out.iter().map(|count| count.load(Relaxed)).max();
    assert_eq!(most, Some(1));
}
