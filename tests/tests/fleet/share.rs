//! How many handshakes resume behind a balancer that sends each connection to the next node.

use reprise_tests::{
    Version, certificates,
    fleet::{Balancer, Customer, Fleet, Load, Nginx, Tally},
    redis::RedisServer,
};

const NODES: usize = 4;

/// So many that few of them come back at once.
const CUSTOMERS: usize = 100;

/// So many that chance does not move the share of one in four to one in two.
const HANDSHAKES: usize = 1_000;

/// A load of clients on these nodes, until there were enough.
fn loaded(balancer: &Balancer) -> std::sync::Arc<Tally> {
    let load = Load::on(balancer.address(), CUSTOMERS);
    load.tally().goes_on(HANDSHAKES);
    let tally = load.end();
    tally.none_failed();
    tally
}

#[test]
fn behind_a_balancer_clients_resume_at_every_node_where_nginx_knows_only_its_own() {
    let redis = RedisServer::start();
    let fleet = Fleet::start_with(NODES, Default::default(), &["memory", &redis.url()], &["--store-deadline", "5s"]);
    let ours = loaded(&Balancer::start(&fleet.addresses()));
    println!("reprise ×4: {:.4} resumed; {}", ours.share(), ours.summary());
    for tickets in [true, false] {
        let identity = certificates::server();
        let nginx: Vec<_> = (0..NODES).map(|_| Nginx::start(&identity, tickets)).collect();
        let addresses: Vec<_> = nginx.iter().map(Nginx::address).collect();
        let theirs = loaded(&Balancer::start(&addresses));
        println!("nginx ×4, tickets {tickets}: {:.4} resumed; {}", theirs.share(), theirs.summary());
        assert!(theirs.share() < 0.5, "{}", theirs.summary());
    }
    assert!(ours.share() >= 0.99, "{}", ours.summary());
}

/// The hardest client for nodes that write behind. What it makes of its handshake races with the
/// thread of the node's that writes to the store, which nobody waits for; TLS 1.3 makes a session
/// each time. On a machine with nothing else to do the write wins nearly always; one that is short
/// of processors may lose a tenth of the races. Of nodes that share nothing none would resume.
#[test]
fn a_client_that_comes_back_at_once_resumes_at_the_next_node() {
    const VISITS: usize = 300;
    let redis = RedisServer::start();
    let fleet = Fleet::start_with(NODES, Default::default(), &["memory", &redis.url()], &["--store-deadline", "5s"]);
    let balancer = Balancer::start(&fleet.addresses());
    for version in Version::BOTH {
        let mut customer = Customer::new(version);
        let tally = Tally::default();
        (0..VISITS).for_each(|_| tally.count(customer.come(balancer.address())));
        println!("{version:?}, at once: {:.4} resumed; {}", tally.share(), tally.summary());
        tally.none_failed();
        assert!(tally.share() > 0.5, "{version:?}: {}", tally.summary());
    }
}
