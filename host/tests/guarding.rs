//! A store that others share and that is down, as it shows through the host: handshakes go on, it is left alone, and it is used again
//! by itself.

use crate::support;

use std::{
    thread,
    time::{Duration, Instant},
};

use openssl::ssl::SslVersion;
use reprise::{
    Host,
    session::Keyring,
    store::{Memory, Scope, Store, TierStatus},
};
use reprise_testing::TestStore;
use support::*;
use zeroize::Zeroizing;

/// A store of the fleet's that may be down.
fn remote() -> TestStore {
    TestStore::of(Scope::Fleet).kind("remote")
}

fn host(remote: &TestStore) -> Host {
    Host::builder().store(remote.clone()).keyring(Keyring::new(Zeroizing::new([3; 32])).unwrap()).build().unwrap()
}

fn tier(host: &Host) -> TierStatus {
    let [tier] = <[_; 1]>::try_from(host.status().stores).unwrap();
    tier
}

#[test]
fn a_store_that_is_down_is_left_alone_and_is_used_again_when_it_is_back() {
    let remote = remote();
    let host = host(&remote);
    let context = installed(&host);
    let client = Client::of(SslVersion::TLS1_3);
    let first = handshake(&host, &context, &client);
    let again = client.offering(first.session());
    assert!(handshake(&host, &context, &again).resumed);
    assert!(tier(&host).reachable);

    remote.set_down(true);
    while tier(&host).reachable {
        let missed = handshake(&host, &context, &again);
        assert_eq!((missed.resumed, missed.miss().as_str()), (false, "store-unavailable"));
    }
    // Its probes are the only ones that ask now, and they find it down.
    let skipped = tier(&host).lookups_skipped;
    for _ in 0..3 {
        let missed = handshake(&host, &context, &again);
        assert_eq!((missed.resumed, missed.miss().as_str()), (false, "store-unavailable"));
    }
    assert_eq!(tier(&host).lookups_skipped, skipped + 3);

    remote.set_down(false);
    let patience = Instant::now() + Duration::from_secs(60);
    while !tier(&host).reachable {
        assert!(Instant::now() < patience, "it is used again");
        thread::yield_now();
    }
    let back = handshake(&host, &context, &again);
    assert!(back.resumed, "{}", back.miss());
}

#[test]
fn an_old_ticket_offered_again_and_again_costs_one_round_trip() {
    /// What was not there is remembered at least this long.
    const REMEMBERED: Duration = Duration::from_secs(5);
    let remote = remote();
    let host = host(&remote);
    let context = installed(&host);
    for version in VERSIONS {
        let begun = Instant::now();
        let spared = tier(&host).lookups_spared;
        let first = handshake(&host, &context, &Client::of(version));
        remote.remove(&first.report.as_ref().unwrap().session_id.unwrap());
        let asked = remote.seen.fetches();
        for _ in 0..3 {
            let missed = handshake(&host, &context, &Client::of(version).offering(first.session()));
            assert_eq!((missed.resumed, missed.miss().as_str()), (false, "not-found"), "{version:?}");
        }
        // A machine so busy that this took longer shows nothing.
        if begun.elapsed() < REMEMBERED {
            let asked = remote.seen.fetches() - asked;
            assert_eq!((asked, tier(&host).lookups_spared - spared), (1, 2), "{version:?}");
        }
    }
}

#[test]
fn each_store_shows_with_its_kind_its_scope_and_what_it_holds() {
    let remote = remote();
    let client = Client::of(SslVersion::TLS1_2);
    let other = host(&remote);
    let first = handshake(&other, &installed(&other), &client);
    // A store is reachable once it has answered.
    let keyring = Keyring::new(Zeroizing::new([3; 32])).unwrap();
    let host = Host::builder().store(Memory::default()).store(remote).keyring(keyring).build().unwrap();
    assert!(!host.status().stores[1].reachable);
    assert!(handshake(&host, &installed(&host), &client.offering(first.session())).resumed);
    let stores = host.status().stores;
    let shown: Vec<_> = stores.iter().map(|tier| (tier.kind.as_str(), tier.scope, tier.usage.sessions)).collect();
    assert_eq!(shown, [("memory", Scope::Process, 1), ("remote", Scope::Fleet, 1)]);
    let metrics = host.metrics().encode();
    for line in [
        "reprise_store_tier_sessions{tier=\"1\",kind=\"memory\",scope=\"process\"} 1",
        "reprise_store_tier_reachable{tier=\"2\",kind=\"remote\",scope=\"fleet\"} 1",
        "reprise_store_tier_lookups_skipped_total{tier=\"2\",kind=\"remote\",scope=\"fleet\"} 0",
    ] {
        assert!(metrics.lines().any(|shown| shown == line), "{line} is not in\n{metrics}");
    }
}
