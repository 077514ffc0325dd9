//! Servers that nobody rebuilt, as they come from a distribution, with the OpenSSL module in them and an agent that decides.

mod agent_lost;
mod application;
mod early_data;
mod enabled;
mod fleet;
mod foreign_descriptors;
mod left_alone;
mod load;
mod nginx;
mod others;
mod policies;
mod quic;
mod revocation;
mod sites;
mod standing;
mod upstream;

use reprise_tests::{
    Client, Session, Version,
    certificates::{self, Identity},
    client::Exchange,
    modules::{Guests, Running, Site},
};

/// httpd wants to know the host where there was a server name.
const REQUEST: &str = "GET /connection HTTP/1.0\r\nHost: a.example\r\n\r\n";

fn site<'a>(name: &'a str, identity: &'a Identity) -> Site<'a> {
    Site { name, identity, more: "" }
}

fn own(name: &str) -> Identity {
    certificates::certificate(name).names(&[name]).make()
}

fn visit(client: &Client, server: &Running, session: Option<&Session>) -> Exchange {
    client.connect(server.address(), session).and_then(|open| open.exchange_for(REQUEST)).expect("a visit")
}

/// The first handshake under a name tells where it ends up; whatever comes with it, it is a full one.
fn learned(client: &Client, server: &Running) -> Session {
    let first = visit(client, server, None);
    assert!(!first.reused);
    first.session
}

/// Sessions resume in both versions, and go on doing so.
fn sessions_resume(server: &Running) {
    for version in Version::BOTH {
        let client = Client::new(version);
        let mut session = learned(&client, server);
        for _ in 0..3 {
            let again = visit(&client, server, Some(&session));
            assert!(again.reused, "{version:?}: {}", server.log());
            assert!(again.answer.contains("site a.example"), "{}", again.answer);
            session = again.session;
        }
    }
}

/// Each session resumes at its own site alone.
fn sites_do_not_mix(start: impl Fn(&Guests, &[Site<'_>]) -> Running) {
    let (guests, a, b) = (Guests::new(), own("a.example"), own("b.example"));
    let _agent = guests.agent();
    let server = start(&guests, &[site("a.example", &a), site("b.example", &b)]);
    for version in Version::BOTH {
        let [at_a, at_b] = ["a.example", "b.example"].map(|name| Client::new(version).asking_for(Some(name)));
        let (of_a, of_b) = (learned(&at_a, &server), learned(&at_b, &server));
        // Before the others, which would renew them.
        assert!(!visit(&at_b, &server, Some(&of_a)).reused, "{version:?}: at b.example");
        assert!(!visit(&at_a, &server, Some(&of_b)).reused, "{version:?}: at a.example");
        assert!(visit(&at_a, &server, Some(&of_a)).reused, "{version:?}: of a.example, at home");
        assert!(visit(&at_b, &server, Some(&of_b)).reused, "{version:?}: of b.example, at home");
    }
}

/// Sessions of before something happens to the server resume after it.
fn sessions_outlive(server: &Running, mut happens: impl FnMut()) {
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, server);
        happens();
        learned(&client, server);
        assert!(visit(&client, server, Some(&session)).reused, "{version:?}: {}", server.log());
    }
}

/// Sessions of before a reload resume after it. `ready` is what the server says each time when it can be told to.
fn sessions_survive(server: &Running, reload: &str, ready: &str) {
    let mut times = 0;
    sessions_outlive(server, || {
        times += 1;
        server.says(ready, times);
        server.reload(reload);
    });
}

fn with_an_agent(start: impl Fn(&Guests, &Identity) -> Running, look: impl Fn(&Running)) {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    look(&start(&guests, &identity));
}
