//! What the application behind a server sees of a client's certificate: after a resumption the same as before.

use std::fs;

use reprise_tests::{
    Client, Version,
    certificates::{self, Identity},
    modules::{Guests, Site, haproxy, httpd},
    until,
};

use crate::{own, site, visit};

fn guests(ca: &Identity) -> (Guests, String) {
    let guests = Guests::new();
    guests.place().identity("clients", ca);
    let clients = guests.place().arg("clients.crt");
    (guests, clients)
}

#[test]
fn haproxy_shows_the_certificate_after_a_resumption() {
    let (identity, ca) = (own("a.example"), certificates::client_ca("clients"));
    let (guests, clients) = guests(&ca);
    let _agent = guests.agent();
    let more = format!("ca-file {clients} verify required");
    let haproxy = haproxy(&guests, &[Site { more: &more, ..site("a.example", &identity) }]);
    for version in Version::BOTH {
        let client = Client::new(version).with(&ca.issue_client("alice"));
        let first = visit(&client, &haproxy, None);
        assert!(first.answer.contains("client 0 ") && first.answer.contains("CN=alice"), "{}", first.answer);
        let again = visit(&client, &haproxy, Some(&first.session));
        assert!(again.reused, "{version:?}");
        let of = |answer: &str| answer.lines().last().unwrap_or_default().to_owned();
        assert_eq!(of(&again.answer), of(&first.answer), "{version:?}");
    }
}

#[test]
fn httpd_shows_the_certificate_after_a_resumption() {
    let (identity, ca) = (own("a.example"), certificates::client_ca("clients"));
    let (guests, clients) = guests(&ca);
    let _agent = guests.agent();
    let seen = guests.place().path("seen");
    let more = format!(
        "SSLVerifyClient require
        SSLCACertificateFile {clients}
        CustomLog {} \"%{{SSL_SESSION_RESUMED}}x %{{SSL_CLIENT_VERIFY}}x %{{SSL_CLIENT_S_DN}}x\"",
        seen.display()
    );
    let httpd = httpd(&guests, &[Site { more: &more, ..site("a.example", &identity) }]);
    let mut lines = Vec::new();
    for version in Version::BOTH {
        let client = Client::new(version).with(&ca.issue_client("alice"));
        let first = visit(&client, &httpd, None);
        assert!(visit(&client, &httpd, Some(&first.session)).reused, "{version:?}");
        lines.extend(["Initial", "Resumed"].map(|how| format!("{how} SUCCESS CN=alice,O=Example")));
    }
    // It is written when the answer is sent already.
    until("all requests are in the log", || {
        fs::read_to_string(&seen).is_ok_and(|log| log.lines().count() == lines.len() && log.ends_with('\n'))
    });
    let mut log: Vec<_> = fs::read_to_string(&seen).unwrap().lines().map(str::to_owned).collect();
    // By threads that need not keep to an order.
    log.sort();
    lines.sort();
    assert_eq!(log, lines);
}
