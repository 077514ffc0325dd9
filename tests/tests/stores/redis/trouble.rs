//! Servers that are not there, do not answer, are full, were wiped, or are no Redis servers at all:
//! misses, and never more.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use reprise::store::{FetchError, Notice, Redis, RedisOptions, Store};
use reprise_tests::{redis::RedisServer, until};

use super::{NOW, connected, entry, find, id, key, node, patient, put, single_use, take, wait};

/// A node that does not wait long.
fn hasty(url: &str) -> Redis {
    let options = RedisOptions { answers_within: Duration::from_millis(250), ..patient("hasty") };
    Redis::connect(url, options).unwrap()
}

fn unavailable(node: &Redis) -> String {
    match find(node, &id()) {
        Err(FetchError::Unavailable(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_is_not_there_yet_is_no_error_and_found_when_it_is() {
    let mut server = RedisServer::start();
    server.kill();
    let node = Redis::connect(&server.url(), patient("a")).unwrap();
    unavailable(&node);
    assert!(node.peek(&id()).is_none());
    server.restart();
    until("it is connected", || find(&node, &id()).is_ok());
    assert!(find(&node, &put(&node, entry())).unwrap().is_some());
}

/// Why the store is not reachable; nothing if it is.
fn trouble(node: &Redis) -> String {
    let tier = node.tiers().remove(0);
    assert_eq!(tier.reachable, tier.trouble.is_none());
    tier.trouble.unwrap_or_default()
}

#[test]
fn a_server_that_was_never_reached_is_not_reachable() {
    let mut server = RedisServer::start();
    server.kill();
    let node = Redis::connect(&server.url(), patient("a")).unwrap();
    assert_eq!(trouble(&node), "it was never reached");
    server.restart();
    until("it is reachable", || trouble(&node).is_empty());
    server.kill();
    until("it is not any more", || trouble(&node).contains("not heard from for"));
}

#[test]
fn a_master_that_became_a_replica_is_not_reachable() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let node = node(&server.url(), "a");
    until("it is reachable", || trouble(&node).is_empty());
    // Nothing is put, and nobody looks anything up.
    server.ask::<()>(&["REPLICAOF", "127.0.0.1", &other.address().port().to_string()]);
    until("it takes no writes", || trouble(&node).contains("takes no writes (READONLY)"));
    server.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    until("it is reachable again", || trouble(&node).is_empty());
}

#[test]
fn a_server_that_is_killed_and_started_again_is_found_again() {
    let mut server = RedisServer::start();
    let node = node(&server.url(), "a");
    for _ in 0..3 {
        server.kill();
        until("it is missed", || find(&node, &id()).is_err());
        server.restart();
        until("it is back", || find(&node, &id()).is_ok());
        assert!(take(&node, &put(&node, single_use())).is_some());
    }
}

#[test]
fn a_server_that_stands_still_is_unavailable_and_back_when_it_goes_on() {
    let server = RedisServer::start();
    let node = connected(hasty(&server.url()));
    let id = put(&node, entry());
    server.pause();
    unavailable(&node);
    // So long that it connects anew, which is not answered either.
    until("it does not hear", || node.notices_age().unwrap() > Duration::from_secs(4));
    unavailable(&node);
    server.resume();
    until("it is back", || find(&node, &id).is_ok_and(|found| found.is_some()));
}

#[test]
fn a_full_server_takes_no_sessions_and_gives_out_those_it_has() {
    let server = RedisServer::start_with(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let node = node(&server.url(), "a");
    let (often, once, early) = (put(&node, entry()), put(&node, single_use()), put(&node, entry()));
    let record = reprise::store::RecordBytes::new(vec![7; 4096]);
    until("it is full", || {
        put(&node, reprise::store::Entry { record: record.clone(), ..entry() });
        node.usage().dropped > 0
    });
    assert!(find(&node, &often).unwrap().is_some());
    assert!(take(&node, &once).is_some() && find(&node, &once).unwrap().is_none());
    assert!(take(&node, &early).is_some());
    until("it is not reachable", || trouble(&node).contains("takes no writes (OOM)"));
    until("notices are heard of", || node.notices_age().unwrap() < Duration::from_millis(500));
    let notice = Notice { bytes: vec![1], expires: u64::MAX >> 12 };
    let refused = wait(node.publish(notice, Duration::ZERO).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("OOM"), "{refused}");
    server.wipe();
    // What comes before the store has heard of it is dropped.
    until("there is room again", || find(&node, &put(&node, entry())).is_ok_and(|found| found.is_some()));
    until("it is reachable again", || trouble(&node).is_empty());
}

#[test]
fn a_server_that_was_wiped_has_nothing_and_takes_everything() {
    let server = RedisServer::start();
    let node = node(&server.url(), "a");
    let before = put(&node, entry());
    server.wipe();
    server.ask::<()>(&["SCRIPT", "FLUSH"]);
    assert!(find(&node, &before).unwrap().is_none());
    assert!(take(&node, &put(&node, single_use())).is_some());
    assert_eq!(node.usage().dropped, 0);
}

#[test]
fn what_waits_for_a_server_that_is_not_there_is_bounded_and_the_rest_is_counted() {
    let mut server = RedisServer::start();
    server.kill();
    let node = Redis::connect(&server.url(), RedisOptions { queue_entries: 10, ..patient("a") }).unwrap();
    (0..100).for_each(|_| node.put(id(), entry(), NOW));
    assert_eq!(node.usage().dropped, 90);
    let node = Redis::connect(&server.url(), RedisOptions { queue_bytes: 10_000, ..patient("a") }).unwrap();
    (0..100).for_each(|_| node.put(id(), entry(), NOW));
    let usage = node.usage();
    assert!(usage.bytes <= 10_000 && usage.dropped > 50, "{usage:?}");
    until("what was not taken in time is counted too", || node.usage().dropped == 100);
    assert_eq!(node.usage().bytes, 0);
    (0..100).for_each(|_| drop(node.remove(&id())));
    let usage = node.usage();
    assert!(usage.bytes > 0 && usage.bytes <= 10_000 && usage.dropped > 100, "removals wait there too: {usage:?}");
}

#[test]
fn what_is_no_redis_server_is_unavailable() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
        b"*-7\r\n$99999999999999\r\n%%%",
        b"",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let node = hasty(&format!("redis://{}", listener.local_addr().unwrap()));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { continue };
                thread::spawn(move || {
                    let mut asked = [0; 1024];
                    while connection.read(&mut asked).is_ok_and(|read| read > 0) {
                        if connection.write_all(answer).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        node.put(id(), entry(), NOW);
        for _ in 0..20 {
            unavailable(&node);
            thread::yield_now();
        }
        assert!(node.peek(&id()).is_none());
        assert!(
            wait(node.publish(Notice { bytes: vec![1], expires: u64::MAX >> 12 }, Duration::ZERO).unwrap()).is_err()
        );
    }
}

#[test]
fn what_others_have_put_under_a_sessions_key_is_not_found_and_left_alone() {
    let server = RedisServer::start();
    let node = node(&server.url(), "a");
    let (list, later, forever, short) = (id(), id(), id(), id());
    server.ask::<()>(&["RPUSH", &key(&list), "1"]);
    server.ask::<()>(&["SET", &key(&later), "\u{2}\u{1}\u{0}of a later version", "EX", "600"]);
    server.ask::<()>(&["SET", &key(&forever), "\u{1}\u{0}\u{0}without an end"]);
    server.ask::<()>(&["SET", &key(&short), "\u{1}\u{1}", "EX", "600"]);
    for id in [&list, &later, &forever, &short] {
        assert!(find(&node, id).unwrap().is_none());
        assert_eq!(server.ask::<u64>(&["EXISTS", &key(id)]), 1);
    }
}

#[test]
fn a_password_is_used_and_never_shown() {
    let server = RedisServer::start();
    let asks = ["ACL", "SETUSER", "reprise", "on", ">hunter2", "~reprise:*", "&reprise:*"];
    let may = [
        "+eval",
        "+evalsha",
        "+get",
        "+set",
        "+del",
        "+pttl",
        "+publish",
        "+subscribe",
        "+info",
        "+time",
        "+hset",
        "+hgetall",
        "+hdel",
        "+zadd",
        "+zrange",
        "+zremrangebyscore",
        "+zscore",
    ];
    server.ask::<()>(&[asks.as_slice(), &may].concat());
    let url = |password: &str| server.url().replace("//", &format!("//reprise:{password}@"));
    let node = node(&url("hunter2"), "a");
    let id = put(&node, single_use());
    assert!(node.peek(&id).is_some() && take(&node, &id).is_some());
    assert_eq!(
        wait(node.publish(Notice { bytes: vec![1], expires: 1 << 40 }, Duration::ZERO).unwrap()).unwrap().nodes.len(),
        1
    );
    node.remove(&id);
    assert!(find(&node, &id).unwrap().is_none());
    assert!(!format!("{node:?}").contains("hunter2"), "{node:?}");
    let refused = server.ask::<Vec<redis::Value>>(&["ACL", "LOG"]);
    assert!(refused.is_empty(), "it asks for nothing that it may not do: {refused:?}");

    let stranger = Redis::connect(&url("hunter3"), patient("a")).unwrap();
    until("it is refused", || !server.ask::<Vec<redis::Value>>(&["ACL", "LOG"]).is_empty());
    let why = unavailable(&stranger);
    assert!(!why.contains("hunter"), "{why}");
}
