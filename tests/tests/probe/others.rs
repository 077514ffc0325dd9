//! Servers as they come from a distribution.

use reprise_tests::modules::{Guests, Running, Site, haproxy, httpd, nginx, stunnel};

use crate::{TICKETS, WAYS, own, probe, probe_for};

const B: [&str; 2] = ["--also-name", "b.example"];

/// Two sites, the first of which has these lines more in its configuration, and no module.
fn with_two_sites(more: &str, start: impl Fn(&Guests, &[Site<'_>]) -> Running, look: impl Fn(&Running)) {
    let guests = Guests::new();
    guests.place().write("openssl.cnf", "");
    let [a, b] = ["a.example", "b.example"].map(own);
    let sites = [Site { name: "a.example", identity: &a, more }, Site { name: "b.example", identity: &b, more: "" }];
    look(&start(&guests, &sites));
}

#[test]
fn nginx_resumes_under_a_changed_name() {
    with_two_sites("ssl_session_cache shared:all:1m;", nginx, |server| {
        let probed = probe(server.address(), &B);
        assert_eq!(probed.each(WAYS, "resumes"), [("fine", "resumed"); 3], "{:#}", probed.said);
        assert_eq!((probed.status, probed.each(WAYS, "other-name")), (Some(1), [("bad", "resumed"); 3]));
        assert_eq!(probed.came_to("tls13", "name-on-retry"), ("bad", "resumed"));
        assert_eq!(probed.each(WAYS, "used-twice").map(|(verdict, _)| verdict), ["fine", "fine", "note"]);
    });
}

#[test]
fn nginx_has_no_end_over_renewals() {
    with_two_sites("ssl_session_timeout 1s;", nginx, |server| {
        let probed = probe_for("2s", server.address(), &TICKETS);
        assert_eq!((probed.status, probed.came_to("tls13", "lifetime")), (Some(1), ("bad", "resumed")));
        let row = probed.row("tls13", "lifetime");
        assert!(row["resumptions"].as_u64().unwrap() >= 2 && row["lifetime_hint"] == 1, "{row:#}");
        // A session of TLS 1.2 is none the younger for being used, and by its id there is none.
        assert_eq!(probed.came_to("tls12-ticket", "lifetime"), ("fine", "full-handshake"));
        assert_eq!((probed.came_to("tls12-id", "resumes").0, probed.all("tls12-id", "lifetime").len()), ("note", 0));
    });
}

#[test]
fn before_the_first_lifetime_is_over_there_is_nothing_to_tell() {
    with_two_sites("", nginx, |server| {
        let probed = probe(server.address(), &["--wait", "10ms"]);
        assert_eq!((probed.status, probed.came_to("tls13", "lifetime")), (Some(2), ("unknown", "resumed")));
    });
}

#[test]
fn nginx_accepts_early_data_twice() {
    with_two_sites("ssl_early_data on;", nginx, |server| {
        let probed = probe(server.address(), &[]);
        assert_eq!(probed.came_to("tls13", "early-data"), ("fine", "accepted"), "{:#}", probed.said);
        assert_eq!((probed.status, probed.came_to("tls13", "early-data-twice")), (Some(1), ("bad", "accepted")));
    });
}

#[test]
fn haproxy_resumes_under_a_changed_name() {
    with_two_sites("", haproxy, |server| {
        let probed = probe(server.address(), &B);
        assert_eq!(probed.each(TICKETS, "resumes"), [("fine", "resumed"); 2], "{:#}", probed.said);
        assert_eq!(probed.each(TICKETS, "other-name"), [("bad", "resumed"); 2], "{:#}", probed.said);
    });
}

/// It does since CVE-2025-23048.
#[test]
fn httpd_keeps_names_apart() {
    with_two_sites("", httpd, |server| {
        let probed = probe(server.address(), &B);
        assert_eq!(probed.each(TICKETS, "resumes"), [("fine", "resumed"); 2], "{:#}", probed.said);
        assert_eq!(probed.each(TICKETS, "other-name"), [("fine", "full-handshake"); 2], "{:#}", probed.said);
    });
}

#[test]
fn stunnel_is_one_server_under_every_name() {
    with_two_sites(
        "",
        |guests, sites| stunnel(guests, &sites[0]),
        |server| {
            let probed = probe(server.address(), &B);
            assert_eq!(probed.each(TICKETS, "resumes"), [("fine", "resumed"); 2], "{:#}", probed.said);
            assert_eq!(probed.came_to("tls13", "other-name"), ("note", "resumed"), "{:#}", probed.said);
        },
    );
}
