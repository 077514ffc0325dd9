//! The keyring is rotated.

use reprise_tests::{Client, Version, redis::RedisServer};

use super::Service;

#[test]
fn keys_that_are_rotated_twice_cost_no_handshake_and_no_session() {
    let redis = RedisServer::start();
    let service = Service::with(&redis.url());
    let visited = Version::BOTH.map(|version| {
        let client = Client::new(version);
        let session = client.first_visit(service.fleet.address(0)).session;
        (client, session)
    });
    for rotation in 1..=2 {
        // A node that has not taken it up yet does not know what others seal with it: those miss, and nothing else.
        service.fleet.rotate_keys(rotation, &["--in", "0s"]);
        service.goes_on();
        service.recovers();
    }
    for (client, session) in &visited {
        assert!(client.revisit(service.fleet.address(1), session).reused, "the first key still opens");
    }
    service.survived("keys rotated twice");
}
