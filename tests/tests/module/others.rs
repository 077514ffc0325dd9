//! Servers other than nginx.

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Version,
    certificates::Identity,
    modules::{Guests, Python, Running, Site, haproxy, httpd, python, stunnel},
    until,
};

use crate::{learned, own, site, visit};

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

/// Sessions of before a reload resume after it. `ready` is what the server says each time when it can be told to.
fn sessions_survive(server: &Running, reload: &str, ready: &str) {
    for (times, version) in (1..).zip(Version::BOTH) {
        let client = Client::new(version);
        let session = learned(&client, server);
        server.says(ready, times);
        server.reload(reload);
        learned(&client, server);
        assert!(visit(&client, server, Some(&session)).reused, "{version:?}: {}", server.log());
    }
}

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

fn with_an_agent(start: impl Fn(&Guests, &Identity) -> Running, look: impl Fn(&Running)) {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    look(&start(&guests, &identity));
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
