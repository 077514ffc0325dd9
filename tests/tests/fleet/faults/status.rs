//! What a node tells of a store that is broken.

use reprise_tests::{Place, fleet::Fleet, http, redis::RedisServer, until};
use serde_json::Value;

use super::{NODES, Service};

impl Service {
    /// What a node tells of the store that they share.
    fn shared_store(&self, node: usize) -> Value {
        self.fleet.status(node)["stores"][1].take()
    }
}

#[test]
fn a_store_that_does_not_answer_is_asked_no_more_until_it_does_and_the_status_says_so() {
    let redis = RedisServer::start();
    let service = Service::with(&redis.url());
    let store = service.shared_store(0);
    assert_eq!((&store["kind"], &store["reachable"]), (&"redis".into(), &true.into()), "{store}");
    redis.pause();
    for node in 0..NODES {
        until("the store is asked no more", || service.shared_store(node)["reachable"] == false);
        let skipped = |store: Value| store["lookups_skipped"].as_u64().expect("it is counted");
        let before = skipped(service.shared_store(node));
        until("look-ups are spared it", || skipped(service.shared_store(node)) > before);
        assert_eq!(service.fleet.status(node)["stores"][0]["reachable"], true, "the near one is asked as ever");
    }
    redis.resume();
    for node in 0..NODES {
        until("the store is asked again", || service.shared_store(node)["reachable"] == true);
    }
    service.survived("asked no more");
}

/// Everywhere the same: on the status page, in the metrics, and where it is asked whether the server is ready.
#[test]
fn a_store_never_reached_is_said_to_be_not_reachable() {
    let mut redis = RedisServer::start();
    redis.kill();
    let fleet = Fleet::start_with(1, Place::new(), &["memory", &redis.url()], &["--admin", "0"]);
    let told = |path: &str| http::get(fleet.node(0).admin(), path);
    let reachable = |number: &str| {
        let series = format!("reprise_store_tier_reachable{{tier=\"2\",kind=\"redis\",scope=\"fleet\"}} {number}");
        told("/metrics").body.contains(&series)
    };
    let ready = told("/readyz");
    let store = fleet.status(0)["stores"][1].take();
    assert_eq!((&store["reachable"], &store["trouble"]), (&false.into(), &"it was never reached".into()));
    assert!(ready.body.contains("store redis, not reachable: it was never reached"), "{ready:?}");
    assert!(reachable("0"), "{}", told("/metrics").body);
    redis.restart();
    until("it is reachable", || fleet.status(0)["stores"][1]["reachable"] == true);
    assert!(reachable("1"));
    let ready = told("/readyz");
    assert!(ready.status == 200 && !ready.body.contains("not reachable"), "{ready:?}");
}
