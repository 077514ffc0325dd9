//! What policies do to servers that know nothing of them.

use reprise_fixtures::{Callback, Fixture, Keep, policies};
use reprise_tests::{
    Client, Version, built, certificates,
    certificates::Identity,
    modules::{Guests, Running, Site, haproxy, httpd, nginx},
};

use crate::{learned, load, own, site, visit};

const SWAPS: u64 = 20;

/// Servers that ask each client for a certificate.
fn asking(guests: &Guests, identity: &Identity, ca: &Identity) -> [Running; 3] {
    guests.place().identity("clients", ca);
    let clients = guests.place().arg("clients.crt");
    let (in_nginx, in_haproxy, in_httpd) = (
        "ssl_verify_client on; ssl_client_certificate clients.crt;",
        format!("ca-file {clients} verify required"),
        format!("SSLVerifyClient require\nSSLCACertificateFile {clients}"),
    );
    let site = |more| [Site { more, ..site("a.example", identity) }];
    [nginx(guests, &site(in_nginx)), haproxy(guests, &site(&in_haproxy)), httpd(guests, &site(&in_httpd))]
}

#[test]
fn one_certificates_sessions_are_refused_and_others_resume() {
    let (guests, identity, ca) = (Guests::new(), own("a.example"), certificates::client_ca("clients"));
    let (alice, bob) = (ca.issue_client("alice"), ca.issue_client("bob"));
    guests.place().policy("revocation.wasm", built::policy("revocation"));
    guests.place().policy("revocation.toml", format!("[settings]\nserial = [\"{}\"]\n", alice.serial()));
    let _agent = guests.agent();
    guests.live("revocation", 1);
    for server in asking(&guests, &identity, &ca) {
        for version in Version::BOTH {
            let [alice, bob] = [&alice, &bob].map(|holder| Client::new(version).with(holder));
            let (hers, his) = (learned(&alice, &server), learned(&bob, &server));
            let mut sessions = [hers, his];
            for _ in 0..3 {
                let [hers, his] = [(&alice, &sessions[0]), (&bob, &sessions[1])]
                    .map(|(client, session)| visit(client, &server, Some(session)));
                assert!(hers.answer.contains("site a.example") && his.answer.contains("site a.example"));
                assert_eq!((hers.reused, his.reused), (false, true), "{version:?}: {}", server.log());
                sessions = [hers.session, his.session];
            }
        }
    }
}

#[test]
fn policies_are_swapped_under_load_and_nobody_notices() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    // Each of them is another file.
    let generation = |number: u64| {
        let keep = Keep { lifetime: u32::try_from(3_600 + number).ok(), ..Keep::default() };
        Fixture::default().on(Callback::New, keep.wat()).no_opinion(Callback::Get).build()
    };
    load::none_fails(&nginx, |load| {
        load.resumes(20);
        for number in 1..=SWAPS {
            guests.place().policy("swapped.wasm", generation(number));
            load.goes_on(10);
            guests.live("swapped", number);
            load.resumes(10);
        }
    });
}

#[test]
fn policies_that_fail_cost_full_handshakes_and_no_more() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    let failing = [
        ("traps-in-new", policies::trap_in(Callback::New)),
        ("traps-in-get", policies::trap_in(Callback::Get)),
        ("loops-in-get", policies::loop_in(Callback::Get)),
        ("lies-in-get", policies::invalid_verdict_in(Callback::Get)),
        ("overflows-in-new", policies::overflow_in(Callback::New)),
    ];
    load::none_fails(&nginx, |load| {
        for (name, policy) in failing {
            load.resumes(20);
            guests.place().policy(&format!("{name}.wasm"), policy);
            guests.live(name, 1);
            load.stops_resuming(20);
            guests.place().remove(&format!("policies/{name}.wasm"));
        }
        load.resumes(20);
    });
}
