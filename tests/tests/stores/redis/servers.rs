//! The servers that these tests run on do what the tests need of them.

use reprise_tests::redis::{RedisCluster, RedisSentinel, RedisServer};

#[test]
fn a_server_that_is_started_again_is_empty_unless_it_saved() {
    let mut server = RedisServer::start();
    server.ask::<()>(&["SET", "a", "1"]);
    server.restart();
    assert_eq!(server.ask::<Option<String>>(&["GET", "a"]), None);
    server.ask::<()>(&["SET", "a", "2"]);
    server.ask::<()>(&["SAVE"]);
    server.restart();
    assert_eq!(server.ask::<Option<String>>(&["GET", "a"]).as_deref(), Some("2"));
    server.wipe();
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0);
}

#[test]
fn a_replica_takes_over_when_its_master_dies_or_is_told_to() {
    let sentinel = RedisSentinel::start();
    sentinel.master().ask::<()>(&["SET", "a", "1"]);
    sentinel.switch();
    assert_eq!(sentinel.master().ask::<String>(&["GET", "a"]), "1");
    let mut sentinel = RedisSentinel::start();
    sentinel.fail_over();
    sentinel.master().ask::<()>(&["SET", "a", "1"]);
}

#[test]
fn a_cluster_has_every_slot_when_a_master_has_died() {
    let mut cluster = RedisCluster::start();
    cluster.switch("a");
    let master = cluster.master_of("a");
    cluster.nodes()[master].ask::<()>(&["SET", "a", "1"]);
    cluster.fail_over("a");
    assert_eq!(cluster.masters().len(), 3);
}
