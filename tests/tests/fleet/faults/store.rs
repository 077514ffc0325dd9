//! The store that the nodes share.

use std::time::Duration;

use reprise_tests::{Client, Version, fleet::Wire, redis::RedisServer, until};

use super::Service;

#[test]
fn a_store_that_is_killed_and_comes_back_empty_costs_no_handshake() {
    let mut redis = RedisServer::start();
    let service = Service::with(&redis.url());
    redis.kill();
    service.goes_on();
    redis.restart();
    service.survived("killed");
}

#[test]
fn a_store_that_listens_and_does_not_answer_costs_no_handshake() {
    let redis = RedisServer::start();
    let service = Service::with(&redis.url());
    redis.pause();
    service.goes_on();
    redis.resume();
    service.survived("paused");
}

#[test]
fn a_store_that_answers_too_late_costs_no_handshake() {
    let redis = RedisServer::start();
    let wire = Wire::to(redis.address());
    let service = Service::with(&wire.url());
    wire.slow(Duration::from_millis(200));
    service.goes_on();
    wire.mend();
    service.survived("slow");
}

#[test]
fn a_store_that_answers_garbage_costs_no_handshake() {
    let redis = RedisServer::start();
    let wire = Wire::to(redis.address());
    let service = Service::with(&wire.url());
    wire.garble();
    service.goes_on();
    wire.mend();
    service.survived("garbage");
}

#[test]
fn a_store_that_is_full_costs_no_handshake() {
    let redis = RedisServer::start();
    let service = Service::with(&redis.url());
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let client = Client::new(Version::Tls12);
    let session = service.fleet.known_to(&client, &[1]);
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    service.goes_on();
    // What was there before is there still: this node has no copy of its own.
    until("what it has resumes", || client.revisit(service.fleet.address(2), &session).reused);
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    service.survived("full");
}

#[test]
fn a_store_that_is_wiped_costs_no_handshake() {
    let redis = RedisServer::start();
    let service = Service::with(&redis.url());
    redis.wipe();
    service.goes_on();
    service.survived("wiped");
}
