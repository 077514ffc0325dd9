//! Notices reach every node, before anything that they may be about is given out there.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reprise::store::{Notice, Published, Redis, RedisOptions, Store};
use reprise_tests::{
    PATIENCE,
    redis::{RedisSentinel, RedisServer},
    until,
};

use super::{Servers, connected, entry, find, node, patient, put, wait};

/// The notices that a node was told last.
type Told = Arc<Mutex<Vec<Notice>>>;

fn told(node: &Redis) -> Told {
    let told = Told::default();
    let tell = told.clone();
    node.observe_notices(Arc::new(move |notices| *tell.lock().unwrap() = notices));
    told
}

fn knows(told: &Told, notice: &Notice) -> bool {
    told.lock().unwrap().contains(notice)
}

fn notice(text: &str) -> Notice {
    Notice { bytes: text.into(), expires: now() + 3600 }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn publish(node: &Redis, notice: &Notice, patience: Duration) -> Published {
    wait(node.publish(notice.clone(), patience).expect("it is shared")).unwrap()
}

#[test]
fn whoever_publishes_hears_once_every_node_knows() {
    for servers in Servers::each() {
        let nodes = [node(&servers.url(), "a"), node(&servers.url(), "b"), node(&servers.url(), "c")];
        let heard: Vec<Told> = nodes.iter().map(told).collect();
        until("each was heard from", || publish(&nodes[0], &notice("warm"), Duration::ZERO).nodes.len() == 3);
        for text in ["first", "second"] {
            let notice = notice(text);
            let mut known_by = publish(&nodes[0], &notice, PATIENCE).nodes;
            known_by.sort_by(|a, b| a.node.cmp(&b.node));
            let known_by: Vec<_> = known_by.iter().map(|node| (node.node.as_str(), node.knows)).collect();
            assert_eq!(known_by, [("a", true), ("b", true), ("c", true)]);
            assert!(heard[1..].iter().all(|told| knows(told, &notice)), "who says that it knows was told");
        }
    }
}

#[test]
fn whoever_finds_a_session_was_told_before_of_what_was_published_before_it_asked() {
    for servers in Servers::each() {
        let publisher = node(&servers.url(), "a");
        let seldom = RedisOptions { poll: Duration::from_secs(3600), ..patient("b") };
        let finder = connected(Redis::connect(&servers.url(), seldom).unwrap());
        let heard = told(&finder);
        let id = put(&publisher, entry());
        for number in 0..100 {
            let notice = notice(&number.to_string());
            publish(&publisher, &notice, Duration::ZERO);
            assert!(find(&finder, &id).unwrap().is_some());
            assert!(knows(&heard, &notice), "{number}");
        }
    }
}

#[test]
fn a_node_that_comes_later_is_told_of_all_before_it_finds_anything() {
    let server = RedisServer::start();
    let first = node(&server.url(), "a");
    let notice = notice("early");
    publish(&first, &notice, Duration::ZERO);
    let id = put(&first, entry());
    let late = Redis::connect(&server.url(), patient("b")).unwrap();
    let heard = told(&late);
    until("it finds something", || find(&late, &id).is_ok_and(|found| found.is_some()));
    assert!(knows(&heard, &notice));
}

#[test]
fn a_node_that_says_nothing_is_waited_for_and_named_until_it_is_forgotten() {
    let server = RedisServer::start();
    let node = node(&server.url(), "a");
    let server_now = server.ask::<(u64, u64)>(&["TIME"]).0;
    let name = |name: &str| format!("0123456789abcdef{name}");
    let nodes = "reprise:{notices}:nodes";
    server.ask::<()>(&["HSET", nodes, &name("silent"), &format!("{} 1:2:3", server_now - 20)]);
    server.ask::<()>(&["HSET", nodes, &name("forgotten"), &format!("{} 1:2:3", server_now - 120)]);
    let known_by = publish(&node, &notice("one"), Duration::from_millis(300)).nodes;
    let silent = known_by.iter().find(|node| node.node == "silent").expect("it is named");
    assert!(!silent.knows && silent.heard >= 20, "{silent:?}");
    assert!(known_by.iter().all(|node| node.node != "forgotten"), "{known_by:?}");
}

#[test]
fn a_node_that_leaves_is_not_waited_for() {
    let server = RedisServer::start();
    let nodes = [node(&server.url(), "a"), node(&server.url(), "b")];
    until("each was heard from", || publish(&nodes[0], &notice("one"), PATIENCE).nodes.len() == 2);
    let [staying, leaving] = nodes;
    drop(leaving);
    assert_eq!(publish(&staying, &notice("two"), PATIENCE).nodes.len(), 1);
}

#[test]
fn a_store_that_was_wiped_is_told_its_notices_again_and_nodes_read_it_anew() {
    for servers in Servers::each() {
        let nodes = [node(&servers.url(), "a"), node(&servers.url(), "b")];
        let heard = [told(&nodes[0]), told(&nodes[1])];
        until("each was heard from", || publish(&nodes[0], &notice("warm"), PATIENCE).nodes.len() == 2);
        let before = notice("before");
        publish(&nodes[0], &before, PATIENCE);
        match &servers {
            Servers::Alone(server) => server.wipe(),
            Servers::Sentinel(sentinel) => sentinel.master().wipe(),
            Servers::Cluster(cluster) => cluster.wipe(),
        }
        // The first after a wipe could have the number that the first before it had.
        let after = notice("after");
        publish(&nodes[0], &after, PATIENCE);
        assert!(heard.iter().all(|told| knows(told, &after) && knows(told, &before)), "nothing is taken back");
        until("a new node is told of what was wiped", || {
            let late = Redis::connect(&servers.url(), patient("c")).unwrap();
            let heard = told(&late);
            until("it is told", || !heard.lock().unwrap().is_empty());
            knows(&heard, &before) && knows(&heard, &after)
        });
    }
}

#[test]
fn notices_reach_every_node_after_another_master_took_over_that_had_missed_some() {
    let mut sentinel = RedisSentinel::start();
    let nodes = [node(&sentinel.url(), "a"), node(&sentinel.url(), "b")];
    let heard = [told(&nodes[0]), told(&nodes[1])];
    publish(&nodes[0], &notice("before"), PATIENCE);
    sentinel.fail_over();
    let after = notice("after");
    until("it takes notices", || wait(nodes[0].publish(after.clone(), Duration::ZERO).unwrap()).is_ok());
    until("each is told", || heard.iter().all(|told| knows(told, &after)));
    assert!(publish(&nodes[1], &notice("last"), PATIENCE).nodes.iter().all(|node| node.knows));
}

#[test]
fn what_has_expired_is_not_told_and_goes_in_time() {
    let server = RedisServer::start();
    // As a node whose clock is late would write them.
    for (expires, text) in [(now() - 60, "past"), (1000, "long past")] {
        let write = "redis.call('ZADD', KEYS[1], ARGV[1], struct.pack('>I4I4', 0, ARGV[1]) .. ARGV[2])";
        server.ask::<()>(&["EVAL", write, "1", "reprise:{notices}", &expires.to_string(), text]);
    }
    let node = node(&server.url(), "a");
    let heard = told(&node);
    let current = notice("current");
    publish(&node, &current, PATIENCE);
    until("it is told", || knows(&heard, &current));
    assert_eq!(*heard.lock().unwrap(), [current]);
    assert_eq!(server.ask::<u64>(&["ZCARD", "reprise:{notices}"]), 2, "clocks may differ by an hour");
    let past = Notice { bytes: b"past".into(), expires: now() - 1 };
    assert_eq!(publish(&node, &past, PATIENCE), Published::default());
}

#[test]
fn a_node_knows_for_how_long_it_has_not_heard_of_notices() {
    let server = RedisServer::start();
    let options = RedisOptions { answers_within: Duration::from_millis(250), ..patient("a") };
    let node = connected(Redis::connect(&server.url(), options).unwrap());
    until("it hears", || node.notices_age().unwrap() < Duration::from_millis(500));
    server.pause();
    until("it does not", || node.notices_age().unwrap() > Duration::from_secs(3));
    server.resume();
    until("it hears again", || node.notices_age().unwrap() < Duration::from_millis(500));
}
