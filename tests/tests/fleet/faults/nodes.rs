//! A node goes, and comes back.

use std::time::Instant;

use reprise_tests::{Client, Version, redis::RedisServer, until};

use super::{NODES, Service};

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

#[test]
fn a_deploy_that_replaces_every_node_in_turn_costs_no_handshake_and_no_session() {
    let redis = RedisServer::start();
    let mut service = Service::with(&redis.url());
    let visited = Version::BOTH.map(|version| {
        let client = Client::new(version);
        let session = service.fleet.known_to(&client, &[1]);
        (client, session)
    });
    for node in 0..NODES {
        service.balancer.take_out(node);
        service.fleet.stop(node);
        service.fleet.restart(node);
        service.balancer.put_back(node);
    }
    for (client, session) in &visited {
        for node in service.fleet.addresses() {
            until("a session of before resumes", || client.revisit(node, session).reused);
        }
    }
    service.survived("a deploy");
}

/// A handshake is excused if the balancer had given its connection to that node before the node was
/// gone, and it had not ended when the node was killed: what the balancer knows is compared with
/// two times around the kill, so that none is excused that began later, that had ended, or that
/// another node had.
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
