//! The store's servers change places.

use reprise_tests::redis::{RedisCluster, RedisSentinel};

use super::Service;

#[test]
fn a_replica_that_takes_its_dead_masters_place_is_found() {
    let mut sentinel = RedisSentinel::start();
    let service = Service::with(&sentinel.url());
    sentinel.fail_over();
    service.goes_on();
    service.survived("Sentinel failover");
}

#[test]
fn a_cluster_that_loses_a_master_is_used_as_a_whole_again() {
    let mut cluster = RedisCluster::start();
    let service = Service::with(&cluster.url());
    cluster.fail_over("any");
    service.goes_on();
    service.survived("Cluster failover");
}
