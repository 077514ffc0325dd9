//! CVE-2025-23419 rebuilt: a session of one site, offered under the name of another that wants to know who comes.

use reprise_tests::{
    Client, Session, Version,
    certificates::{self, Identity},
    client::Exchange,
    modules::{Guests, Running, Site, haproxy, httpd, nginx},
};

use crate::{own, site};

/// A client at a site, which asks for it in its request, too.
fn ask(client: &Client, server: &Running, name: &str, session: Option<&Session>) -> Result<Exchange, String> {
    let request = format!("GET /connection HTTP/1.0\r\nHost: {name}\r\n\r\n");
    client.connect(server.address(), session)?.exchange_for(&request)
}

/// A server of two sites: everybody is let in at `a.example`, and at `b.example` whom the CA `clients` knows.
fn nobody_slips_in(start: impl Fn(&Guests, &Identity, &Identity) -> Running) {
    let (guests, a, b) = (Guests::new(), own("a.example"), own("b.example"));
    let ca = certificates::client_ca("clients");
    guests.place().identity("clients", &ca);
    let _agent = guests.agent();
    let server = start(&guests, &a, &b);
    for version in Version::BOTH {
        let at = |name| Client::new(version).asking_for(Some(name));
        let member = at("b.example").with(&ca.issue_client("member"));
        // Where the names end up is known, and sessions resume there.
        let [of_stranger, of_member] =
            [(&at("a.example"), "a.example"), (&member, "b.example")].map(|(client, name)| {
                let session = ask(client, &server, name, None).expect("a visit").session;
                let again = ask(client, &server, name, Some(&session)).expect("a visit");
                assert!(
                    again.reused && again.answer.contains(&format!("site {name}")),
                    "{version:?}: {}",
                    again.answer
                );
                again.session
            });
        for session in [Some(&of_stranger), None] {
            // httpd and HAProxy end the handshake; nginx answers that it wants a certificate.
            if let Ok(exchange) = ask(&at("b.example"), &server, "b.example", session) {
                assert!(!exchange.reused, "{version:?}: resumed at the other site");
                assert!(!exchange.answer.contains("site "), "{version:?}: let in: {}", exchange.answer);
            }
        }
        // Nor does a member's session resume where nobody is asked who he is.
        for _ in 0..2 {
            let exchange = ask(&at("a.example"), &server, "a.example", Some(&of_member)).expect("a visit");
            assert!(!exchange.reused && !exchange.answer.contains("member"), "{version:?}: {}", exchange.answer);
        }
    }
}

#[test]
fn nginx_lets_nobody_in_by_another_sites_session() {
    nobody_slips_in(|guests, a, b| {
        let more = "ssl_verify_client on; ssl_client_certificate clients.crt;";
        nginx(guests, &[site("a.example", a), Site { more, ..site("b.example", b) }])
    });
}

#[test]
fn httpd_lets_nobody_in_by_another_sites_session() {
    nobody_slips_in(|guests, a, b| {
        let more = format!("SSLVerifyClient require\nSSLCACertificateFile {}", guests.place().arg("clients.crt"));
        httpd(guests, &[site("a.example", a), Site { more: &more, ..site("b.example", b) }])
    });
}

#[test]
fn haproxy_lets_nobody_in_by_another_sites_session() {
    nobody_slips_in(|guests, a, b| {
        let place = guests.place();
        place.write("b.example.pem", [b.certificate_pem(), b.key_pem()].concat());
        let list = format!(
            "{} [ca-file {} verify required] b.example\n",
            place.arg("b.example.pem"),
            place.arg("clients.crt")
        );
        place.write("sites.list", list);
        haproxy(guests, &[Site { more: &format!("crt-list {}", place.arg("sites.list")), ..site("a.example", a) }])
    });
}
