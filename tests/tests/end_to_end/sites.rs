//! Sites that ask for client certificates, chosen by server name: no session and no handshake slips
//! from one to the other.

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Place, Server, Version,
    certificates::{Identity, client_ca},
    python, s_client,
};

/// Two sites with a CA each, behind a default site that asks for no certificate, and a policy that resumes everything.
struct TwoSites {
    place: Place,
    server: Server,
    alice: Identity,
    bob: Identity,
}

impl TwoSites {
    fn serve() -> Self {
        Self::serve_in(&[])
    }

    fn serve_in(environment: &[(&str, &str)]) -> Self {
        let place = Place::new();
        let (a, b) = (client_ca("CA of a"), client_ca("CA of b"));
        place.write("a.pem", a.certificate_pem());
        place.write("b.pem", b.certificate_pem());
        place.policy("10-lying.wasm", policies::lying());
        let (alice, bob) = (a.issue_client("alice"), b.issue_client("bob"));
        place.identity("alice", &alice);
        place.identity("bob", &bob);
        let sites = [place.site("a.example", "a.pem"), place.site("b.example", "b.pem")];
        let server = place.serve_in(&["--site", &sites[0], "--site", &sites[1]], environment);
        server.live("lying", 1);
        Self { place, server, alice, bob }
    }
}

#[test]
fn a_session_of_one_sites_client_does_not_let_it_into_another_site() {
    let sites = TwoSites::serve();
    for version in Version::BOTH {
        let at_a = Client::new(version).with(&sites.alice);
        let first = at_a.first_visit(sites.server.address());
        let session = at_a.revisit(sites.server.address(), &first.session);
        assert!(session.reused, "it resumes where it was made");
        let at_b = Client::new(version).with(&sites.alice).asking_for(Some("b.example"));
        assert!(at_b.visit(sites.server.address(), Some(&session.session)).is_err(), "{version:?}");
        // The same session in the hands of a client that may enter b: it gets in as itself.
        let bob = Client::new(version).with(&sites.bob).asking_for(Some("b.example"));
        let visit = bob.revisit(sites.server.address(), &session.session);
        assert_eq!((visit.reused, visit.report.miss_reason.as_deref()), (false, Some("site")));
    }
}

#[test]
fn a_session_does_not_cross_sites_with_s_client() {
    let sites = TwoSites::serve();
    let (cert, key) = (sites.place.arg("alice.crt"), sites.place.arg("alice.key"));
    for version in Version::BOTH {
        let file = sites.place.arg(version.name());
        let visit = |name: &str, option: &str| {
            let arguments = ["-servername", name, "-cert", &cert, "-key", &key, option, &file];
            s_client::run(sites.server.address(), version, &arguments)
        };
        assert_eq!(visit("a.example", "-sess_out").full(), 1);
        let again = visit("a.example", "-sess_in");
        assert!(again.resumed() == 1 && again.answered().resumed, "{again:?}");
        let across = visit("b.example", "-sess_in");
        assert!(across.resumed() == 0 && across.report.is_none(), "{across:?}");
    }
}

#[test]
fn a_session_does_not_cross_sites_with_python() {
    let sites = TwoSites::serve();
    let (cert, key) = (sites.place.path("alice.crt"), sites.place.path("alice.key"));
    for version in Version::BOTH {
        let names = ["a.example", "a.example", "b.example"];
        let visits = python::visits(sites.server.address(), version, Some((&cert, &key)), &names);
        assert!(visits[1].reused && visits[1].answered().resumed);
        assert!(visits[2].error.is_some() && !visits[2].reused, "{:?}", visits[2]);
    }
}

#[test]
fn a_site_that_requires_a_certificate_refuses_a_client_without_one_though_the_first_site_does_not() {
    let sites = TwoSites::serve();
    for version in Version::BOTH {
        let client = |name| Client::new(version).asking_for(name);
        assert!(client(Some("a.example")).visit(sites.server.address(), None).is_err(), "{version:?}");
        assert!(client(Some("a.example")).with(&sites.bob).visit(sites.server.address(), None).is_err());
        assert!(client(Some("other.example")).visit(sites.server.address(), None).is_ok());
        assert!(client(None).visit(sites.server.address(), None).is_ok());
        // Nor does a session of the open site open the closed one.
        let session = client(None).first_visit(sites.server.address()).session;
        assert!(client(Some("a.example")).visit(sites.server.address(), Some(&session)).is_err());
    }
}

#[test]
fn a_site_that_requires_a_certificate_does_so_after_a_hello_retry_request_too() {
    // The server takes P-256 only: a client that sends a share of another group is asked to try again.
    let configuration = "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = defaults\n\
                         [defaults]\nGroups = P-256\n";
    let directory = Place::new();
    directory.write("openssl.cnf", configuration);
    let sites = TwoSites::serve_in(&[("OPENSSL_CONF", &directory.arg("openssl.cnf"))]);
    sites.place.policy("20-once.wasm", policies::single_use());
    sites.server.live("once", 1);
    let file = sites.place.arg("session");
    let (cert, key) = (sites.place.arg("alice.crt"), sites.place.arg("alice.key"));
    let visit = |arguments: &[&str]| {
        let retried = [&["-msg", "-groups", "X25519:P-256", "-servername", "a.example"], arguments].concat();
        let shown = s_client::run(sites.server.address(), Version::Tls13, &retried);
        let hellos = shown.output.lines().filter(|line| line.contains(">>>") && line.contains("ClientHello")).count();
        assert_eq!(hellos, 2, "one more ClientHello than without a HelloRetryRequest: {}", shown.output);
        shown
    };
    assert!(visit(&[]).report.is_none(), "without a certificate");
    let first = visit(&["-cert", &cert, "-key", &key, "-sess_out", &file]);
    assert_eq!(first.answered().verdicts("lying"), ["keep"]);
    let second = visit(&["-cert", &cert, "-key", &key, "-sess_in", &file]);
    assert!(second.resumed() == 1 && second.answered().resumed, "OpenSSL looks twice, it is taken once: {second:?}");
    assert_eq!(second.answered().verdicts("lying"), ["resume", "keep"]);
    let third = visit(&["-cert", &cert, "-key", &key, "-sess_in", &file]);
    assert_eq!(third.answered().miss_reason.as_deref(), Some("not-found"), "it was for one resumption");
    let (cert, key) = (sites.place.arg("bob.crt"), sites.place.arg("bob.key"));
    assert!(visit(&["-cert", &cert, "-key", &key]).report.is_none(), "with a certificate of another site");
}
