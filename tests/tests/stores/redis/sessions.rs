//! What is put, found, consumed and removed, wherever it is kept.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use reprise::{
    session::SessionId,
    store::{Entry, Reach, RecordBytes, Redis, Store},
};
use reprise_tests::{redis::RedisServer, until};

use super::{NOW, Servers, entry, find, id, key, node, patient, put, single_use, take, written};

#[test]
fn what_one_node_puts_another_finds_as_it_was() {
    for servers in Servers::each() {
        let nodes = [node(&servers.url(), "a"), node(&servers.url(), "b")];
        for reach in [Reach::Fleet, Reach::Node] {
            let record = RecordBytes::new((0..=255).collect());
            let id = put(&nodes[0], Entry { record: record.clone(), reach, ..entry() });
            let found = find(&nodes[1], &id).unwrap().expect("it is there");
            assert_eq!((&*found.record, found.reach, found.consumed), (&*record, reach, false));
            assert_eq!(nodes[1].peek(&id).as_deref(), Some(&*record));
        }
    }
}

#[test]
fn a_node_finds_at_once_what_it_has_just_put_and_not_what_it_has_just_removed() {
    for servers in Servers::each() {
        let node = node(&servers.url(), "a");
        for _ in 0..200 {
            let id = id();
            node.put(id, entry(), NOW);
            assert!(find(&node, &id).unwrap().is_some());
            node.remove(&id);
            assert!(find(&node, &id).unwrap().is_none());
        }
    }
}

#[test]
fn a_session_has_the_time_that_remained_when_it_was_put_whatever_the_nodes_clocks_say() {
    let server = RedisServer::start();
    let node = node(&server.url(), "a");
    for now in [0, NOW, 9_000_000_000] {
        let id = id();
        node.put(id, Entry { expires: now + 600, ..entry() }, now);
        let remaining = find(&node, &id).unwrap().unwrap().remaining.unwrap();
        assert!((540..=600).contains(&remaining), "{remaining}");
    }
    let gone = id();
    node.put(gone, Entry { expires: NOW, ..entry() }, NOW);
    assert!(find(&node, &gone).unwrap().is_none(), "it has no time left");
}

#[test]
fn a_session_that_has_expired_is_not_found_and_takes_no_room() {
    let server = RedisServer::start();
    let node = node(&server.url(), "a");
    let id = put(&node, Entry { expires: NOW + 1, ..entry() });
    until("it expires", || find(&node, &id).unwrap().is_none());
    assert_eq!(server.ask::<u64>(&["EXISTS", &key(&id)]), 0);
}

#[test]
fn looking_takes_nothing_and_what_is_taken_is_gone() {
    for servers in Servers::each() {
        let nodes = [node(&servers.url(), "a"), node(&servers.url(), "b")];
        for (id, single_use) in [(put(&nodes[0], single_use()), true), (put(&nodes[0], entry()), false)] {
            for node in &nodes {
                let found = find(node, &id).unwrap().unwrap();
                assert_eq!((found.consumed, found.single_use), (false, single_use));
            }
            assert!(take(&nodes[1], &id).is_some_and(|found| found.consumed));
            for node in &nodes {
                assert!(find(node, &id).unwrap().is_none() && take(node, &id).is_none());
            }
        }
    }
}

#[test]
fn of_all_who_consume_a_session_at_once_exactly_one_has_it() {
    const NODES: usize = 4;
    const SESSIONS: usize = 250;
    for servers in Servers::each() {
        let nodes: Vec<Redis> = (0..NODES).map(|number| node(&servers.url(), &number.to_string())).collect();
        let sessions: Vec<SessionId> = (0..SESSIONS)
            .map(|number| {
                let id = id();
                nodes[number % NODES].put(id, if number % 2 == 0 { single_use() } else { entry() }, NOW);
                id
            })
            .collect();
        nodes.iter().for_each(written);
        let found: Vec<AtomicUsize> = sessions.iter().map(|_| AtomicUsize::new(0)).collect();
        let barrier = Barrier::new(NODES * 2);
        thread::scope(|scope| {
            for node in nodes.iter().chain(&nodes) {
                scope.spawn(|| {
                    for (number, id) in sessions.iter().enumerate() {
                        barrier.wait();
                        if take(node, id).is_some() {
                            found[number].fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        assert!(found.iter().all(|found| found.load(Relaxed) == 1), "{found:?}");
    }
}

#[test]
fn what_waits_to_be_written_is_written_when_the_store_is_dropped() {
    let server = RedisServer::start();
    let nodes = [node(&server.url(), "a"), node(&server.url(), "b")];
    let [leaving, staying] = nodes;
    let ids: Vec<SessionId> = (0..100).map(|_| id()).collect();
    ids.iter().for_each(|id| leaving.put(*id, entry(), NOW));
    drop(leaving);
    assert!(ids.iter().all(|id| find(&staying, id).unwrap().is_some()));
}

#[test]
fn namespaces_do_not_see_each_other() {
    let server = RedisServer::start();
    let here = node(&server.url(), "a");
    let options = reprise::store::RedisOptions { namespace: "elsewhere".into(), ..patient("b") };
    let there = super::connected(Redis::connect(&server.url(), options).unwrap());
    let id = put(&here, entry());
    assert!(find(&there, &id).unwrap().is_none());
    let keys: Vec<Vec<u8>> = server.ask(&["KEYS", "*"]);
    let ours = |key: &&Vec<u8>| key.starts_with(b"reprise:") || key.starts_with(b"elsewhere:");
    assert_eq!(keys.iter().filter(ours).count(), keys.len(), "every key begins with a namespace");
}
