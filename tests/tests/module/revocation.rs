//! What ends sessions: revocation lists of a CA, and operators.

use reprise_tests::{
    Client, Session, Version,
    certificates::{self, Identity, now},
    modules::{Guests, Running, Site, httpd, nginx},
    until,
};

use crate::{REQUEST, learned, own, site, visit};

/// Writes the CA's list of what it revoked.
fn revoke(guests: &Guests, ca: &Identity, revoked: &[&Identity]) {
    let now = i64::try_from(now()).unwrap();
    guests.place().write("clients.crl", ca.revocation_list(revoked, [now - 60, now + 3_600]).to_pem().unwrap());
}

/// Whether this session resumes; none where the client is turned away, maybe after its handshake.
fn resumes(client: &Client, server: &Running, session: &Session) -> Option<bool> {
    let open = client.connect(server.address(), Some(session)).ok()?;
    let exchange = open.exchange_for(REQUEST).ok()?;
    exchange.answer.contains("site a.example").then_some(exchange.reused)
}

/// A client that a list and a reload revoke is turned away, with its session; others go on.
fn a_list_ends_sessions(start: impl Fn(&Guests, &Identity) -> Running, reload: &str, ready: Option<&str>) {
    let (guests, identity, ca) = (Guests::new(), own("a.example"), certificates::client_ca("clients"));
    let (mallory, bob) = (ca.issue_client("mallory"), ca.issue_client("bob"));
    guests.place().identity("clients", &ca);
    let _agent = guests.agent();
    revoke(&guests, &ca, &[]);
    let server = start(&guests, &identity);
    // Before it says so each time, it may not hear that it is to reload.
    let told_when_ready = |times| ready.into_iter().for_each(|ready| server.says(ready, times));
    for (times, version) in (1..).zip(Version::BOTH) {
        revoke(&guests, &ca, &[]);
        if times > 1 {
            told_when_ready(2 * times - 2);
            server.reload(reload);
        }
        let [mallory_, bob_] = [&mallory, &bob].map(|holder| Client::new(version).with(holder));
        let of_mallory = learned(&mallory_, &server);
        let of_bob = learned(&bob_, &server);
        assert_eq!(resumes(&mallory_, &server, &of_mallory), Some(true), "{version:?}");
        revoke(&guests, &ca, &[&mallory]);
        told_when_ready(2 * times - 1);
        server.reload(reload);
        // The first handshake of the new worker is a full one; after that, only the list stands in the way.
        let of_bob = until_served(&bob_, &server, &of_bob);
        assert_eq!(resumes(&bob_, &server, &of_bob), Some(true), "{version:?}: bob was not revoked");
        for _ in 0..3 {
            assert_eq!(resumes(&mallory_, &server, &of_mallory), None, "{version:?}: mallory was");
        }
        assert_eq!(resumes(&bob_, &server, &of_bob), Some(true), "{version:?}: bob was not revoked");
    }
}

/// A session of after the reload.
fn until_served(client: &Client, server: &Running, before: &Session) -> Session {
    let mut session = visit(client, server, Some(before)).session;
    until("new sessions resume", || {
        let again = visit(client, server, Some(&session));
        session = again.session;
        again.reused
    });
    session
}

#[test]
fn nginx_does_not_resume_who_is_on_a_list_since() {
    let more = "ssl_verify_client on; ssl_client_certificate clients.crt; ssl_crl clients.crl;";
    let start = |guests: &Guests, identity: &Identity| nginx(guests, &[Site { more, ..site("a.example", identity) }]);
    a_list_ends_sessions(start, "-HUP", None);
}

#[test]
fn httpd_does_not_resume_who_is_on_a_list_since() {
    let start = |guests: &Guests, identity: &Identity| {
        let [clients, list] = ["clients.crt", "clients.crl"].map(|name| guests.place().arg(name));
        let more = format!(
            "SSLVerifyClient require
            SSLCACertificateFile {clients}
            SSLCARevocationFile {list}
            SSLCARevocationCheck chain"
        );
        httpd(guests, &[Site { more: &more, ..site("a.example", identity) }])
    };
    a_list_ends_sessions(start, "-USR1", Some("resuming normal operations"));
}

#[test]
fn what_operators_revoke_resumes_no_more() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        assert!(visit(&client, &nginx, Some(&session)).reused, "{version:?}");
        guests.reprise(&["revoke", "--server-name", "b.example"]);
        assert!(visit(&client, &nginx, Some(&session)).reused, "{version:?}: another's were revoked");
        for what in [["--server-name", "a.example"].as_slice(), &["--all"]] {
            let session = visit(&client, &nginx, None).session;
            assert!(visit(&client, &nginx, Some(&session)).reused, "{version:?}: before {what:?}");
            guests.reprise(&[&["revoke"], what].concat());
            assert!(!visit(&client, &nginx, Some(&session)).reused, "{version:?}: after {what:?}");
            // What is made since is not among them. A revocation holds for the second that it is made in.
            until("new sessions resume", || {
                let session = visit(&client, &nginx, None).session;
                visit(&client, &nginx, Some(&session)).reused
            });
        }
    }
}
