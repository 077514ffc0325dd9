//! Something breaks while clients come and go, and is mended: no handshake fails, and what could
//! not resume meanwhile resumes again by itself.

mod failover;
mod keys;
mod nodes;
mod status;
mod store;

use reprise_tests::fleet::{Balancer, Fleet, Load};

const NODES: usize = 4;

/// So long that a busy machine's store is no slow one, so short that one of 200 ms is.
const DEADLINE: &str = "100ms";

/// Few, so that soon all of them have come again.
const CUSTOMERS: usize = 24;

/// While something is broken. A look-up that is not answered takes [`DEADLINE`].
const DURING: usize = 150;

/// In a row, after it was mended. Of so many, some come to each node with a session that another one made.
const RECOVERED: usize = 20;

/// A fleet behind a balancer, with clients.
struct Service {
    fleet: Fleet,
    balancer: Balancer,
    load: Load,
}

impl Service {
    /// A fleet that shares what is at this URL, once everything resumes.
    fn with(url: &str) -> Self {
        let fleet = Fleet::start_with(NODES, Default::default(), &["memory", url], &["--store-deadline", DEADLINE]);
        let balancer = Balancer::start(&fleet.addresses());
        let load = Load::on(balancer.address(), CUSTOMERS);
        let service = Self { fleet, balancer, load };
        service.recovers();
        service
    }

    /// Clients come and are served.
    fn goes_on(&self) {
        self.load.tally().goes_on(DURING);
    }

    /// Clients resume again.
    fn recovers(&self) {
        self.load.tally().resumes(RECOVERED);
    }

    /// Recovers, then ends: no handshake of all failed.
    fn survived(self, what: &str) {
        self.recovers();
        let tally = self.load.end();
        println!("{what}: {}", tally.summary());
        tally.none_failed();
    }
}
