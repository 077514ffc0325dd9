//! A node goes, and comes back.

use std::time::Instant;

use reprise_tests::redis::RedisServer;

use super::Service;

/// The node that goes.
const NODE: usize = 2;

#[test]
fn a_node_that_a_deploy_takes_out_and_kills_costs_no_handshake() {
    let redis = RedisServer::start();
    let mut service = Service::with(&redis.url());
    service.balancer.take_out(NODE);
    service.fleet.kill(NODE);
    service.goes_on();
    service.fleet.restart(NODE);
    service.balancer.put_back(NODE);
    service.survived("a node taken out and killed");
}

/// A handshake is excused if the balancer had given its connection to that node before the node was gone, and it had not ended when
/// the node was killed: what the balancer knows is compared with two times around the kill, so that none is excused that began
/// later, that had ended, or that another node had.
#[test]
fn a_node_that_is_killed_costs_the_handshakes_that_it_had_and_no_others() {
    let redis = RedisServer::start();
    let mut service = Service::with(&redis.url());
    let before = Instant::now();
    service.fleet.kill(NODE);
    let after = Instant::now();
    service.goes_on();
    service.fleet.restart(NODE);
    service.recovers();
    let tally = service.load.end();
    let had = service.balancer.all().into_iter().filter(|one| {
        one.node == NODE && !one.refused && one.began <= after && one.ended.is_none_or(|ended| ended >= before)
    });
    let had: Vec<_> = had.map(|one| (one.client, one.began)).collect();
    let failed = tally.none_failed_but(|handshake| {
        let is_its = |(client, began): &(_, Instant)| {
            handshake.client == Some(*client) && (handshake.began..=handshake.began + handshake.took).contains(began)
        };
        had.iter().any(is_its)
    });
    println!("a node killed: of {} connections that it had, {failed} failed; {}", had.len(), tally.summary());
}
