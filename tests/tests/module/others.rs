//! Servers other than nginx.

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Version,
    certificates::Identity,
    modules::{Guests, Python, Running, haproxy, httpd, python, stunnel},
    until,
};

use crate::{learned, own, sessions_resume, sessions_survive, site, sites_do_not_mix, visit, with_an_agent};

/// Whether it is the agent that decides: by a policy that keeps nothing.
fn is_decided_by_the_agent(guests: &Guests, start: impl Fn(&Guests) -> Running) -> bool {
    guests.place().policy("keeps-nothing.wasm", policies::refuse_new());
    let _agent = guests.agent();
    let server = start(guests);
    let client = Client::new(Version::Tls12);
    // What it resumes by itself, it resumes from its second handshake on.
    (0..3).all(|_| {
        let session = visit(&client, &server, None).session;
        !visit(&client, &server, Some(&session)).reused
    })
}

#[test]
fn haproxy_resumes_keeps_sites_apart_and_reloads() {
    let start = |guests: &Guests, identity: &Identity| haproxy(guests, &[site("a.example", identity)]);
    with_an_agent(start, sessions_resume);
    with_an_agent(start, |server| sessions_survive(server, "-USR2", "Loading success"));
    sites_do_not_mix(haproxy);
}

#[test]
fn httpd_resumes_keeps_sites_apart_and_reloads() {
    let start = |guests: &Guests, identity: &Identity| httpd(guests, &[site("a.example", identity)]);
    with_an_agent(start, sessions_resume);
    with_an_agent(start, |server| sessions_survive(server, "-USR1", "resuming normal operations"));
    sites_do_not_mix(httpd);
}

#[test]
fn python_resumes_on_threads_and_on_asyncio() {
    for kind in [Python::Threads, Python::Asyncio] {
        with_an_agent(|guests, identity| python(guests, kind, &site("a.example", identity)), sessions_resume);
    }
}

#[test]
fn each_of_them_is_decided_by_the_agent() {
    let identity = own("a.example");
    let a = || site("a.example", &identity);
    assert!(is_decided_by_the_agent(&Guests::new(), |guests| haproxy(guests, &[a()])));
    assert!(is_decided_by_the_agent(&Guests::new(), |guests| httpd(guests, &[a()])));
    assert!(is_decided_by_the_agent(&Guests::new(), |guests| python(guests, Python::Threads, &a())));
}

/// stunnel says on a session object that its client was authenticated, which is not in its encoding.
#[test]
fn stunnel_is_left_alone() {
    let identity = own("a.example");
    let start = |guests: &Guests| stunnel(guests, &site("a.example", &identity));
    assert!(!is_decided_by_the_agent(&Guests::new(), start), "it resumes by itself, as it always did");
}

#[test]
fn each_of_them_does_without_an_agent() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let a = || site("a.example", &identity);
    for server in [haproxy(&guests, &[a()]), httpd(&guests, &[a()]), python(&guests, Python::Asyncio, &a())] {
        for version in Version::BOTH {
            let client = Client::new(version);
            let session = learned(&client, &server);
            until("it answers", || visit(&client, &server, Some(&session)).answer.contains("site a.example"));
        }
    }
}
