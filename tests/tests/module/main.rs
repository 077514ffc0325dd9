//! Servers that nobody rebuilt, as they come from a distribution, with the OpenSSL module in them and an agent that decides.

mod nginx;
mod others;

use reprise_tests::{
    Client, Session,
    certificates::{self, Identity},
    client::Exchange,
    modules::{Running, Site},
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
