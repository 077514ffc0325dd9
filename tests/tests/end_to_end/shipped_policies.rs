//! The policies that ship, as `cargo xtask plugins` builds them.

use reprise_tests::{Client, Place, Version, built, certificates::client_ca, python};

/// A server that verifies clients by the CA in `clients.pem`, if they have a certificate.
const OPTIONAL: [&str; 2] = ["--client-auth", "optional"];

#[test]
fn tenants_resumes_a_session_for_the_certificate_that_made_it() {
    let place = Place::new();
    let ca = client_ca("Client CA");
    place.write("clients.pem", ca.certificate_pem());
    place.policy("10-tenants.wasm", built::policy("tenants"));
    place.policy("10-tenants.toml", "[settings]\nrequire-certificate = true\n");
    let clients = place.arg("clients.pem");
    let server = place.serve(&["--client-ca", &clients, OPTIONAL[0], OPTIONAL[1]]);
    server.live("tenants", 1);
    for version in Version::BOTH {
        let alice = Client::new(version).with(&ca.issue_client("alice"));
        let first = alice.first_visit(server.address());
        let second = alice.revisit(server.address(), &first.session);
        assert!(second.reused && second.report.verdicts("tenants")[0] == "resume", "{:?}", second.report);
        let nobody = Client::new(version);
        let first = nobody.first_visit(server.address());
        assert_eq!(first.report.verdicts("tenants"), ["refuse"]);
        assert!(!nobody.revisit(server.address(), &first.session).reused);
    }
}

#[test]
fn tenants_ends_the_sessions_of_a_tenant_whose_issuer_is_taken_out() {
    let place = Place::new();
    let (one, other) = (client_ca("One CA"), client_ca("Other CA"));
    place.write("clients.pem", [one.certificate_pem(), other.certificate_pem()].concat());
    let tenant = |issuers: &str| format!("[settings.tenant.\"a.example\"]\nissuer = [{issuers}]\n");
    place.policy("10-tenants.wasm", built::policy("tenants"));
    place.policy("10-tenants.toml", tenant("\"CN=One CA,O=Example\", \"CN=Other CA,O=Example\""));
    let clients = place.arg("clients.pem");
    let server = place.serve(&["--client-ca", &clients]);
    server.live("tenants", 1);
    let sessions: Vec<_> = [&one, &other]
        .map(|ca| {
            let client = Client::new(Version::Tls12).with(&ca.issue_client("client"));
            let session = client.first_visit(server.address()).session;
            assert!(client.revisit(server.address(), &session).reused);
            (client, session)
        })
        .into();
    place.policy("10-tenants.toml", tenant("\"CN=One CA,O=Example\""));
    server.live("tenants", 2);
    let resumed: Vec<bool> =
        sessions.iter().map(|(client, session)| client.revisit(server.address(), session).reused).collect();
    assert_eq!(resumed, [true, false]);
}

#[test]
fn lifetimes_gives_each_server_name_its_own_lifetime_and_some_names_one_resumption() {
    let place = Place::new();
    place.policy("20-lifetimes.wasm", built::policy("lifetimes"));
    place.policy(
        "20-lifetimes.toml",
        "[settings]\ndefault = 600\nsingle-use = [\"once.example\"]\n[settings.lifetime]\n\"a.example\" = 60\n\
         \"never.example\" = 0\n",
    );
    let server = place.serve(&[]);
    server.live("lifetimes", 1);
    for version in Version::BOTH {
        let asking = |name| Client::new(version).asking_for(name);
        for (name, lifetime) in [(Some("a.example"), 60), (Some("b.example"), 600), (None, 600)] {
            let report = asking(name).first_visit(server.address()).report;
            assert_eq!(report.expires.unwrap() - report.authenticated.unwrap(), lifetime, "{name:?}");
        }
        let never = asking(Some("never.example"));
        let first = never.first_visit(server.address());
        assert_eq!(first.report.not_kept_reason.as_deref(), Some("policy: lifetimes"));
        assert!(!never.revisit(server.address(), &first.session).reused);

        let once = asking(Some("once.example"));
        let session = once.first_visit(server.address()).session;
        assert!(once.revisit(server.address(), &session).reused);
        let again = once.revisit(server.address(), &session);
        assert_eq!((again.reused, again.report.miss_reason.as_deref()), (false, Some("not-found")), "{version:?}");
    }
}

#[test]
fn lifetimes_shortened_hold_for_sessions_kept_before() {
    let place = Place::new();
    place.policy("20-lifetimes.wasm", built::policy("lifetimes"));
    let server = place.serve(&[]);
    server.live("lifetimes", 1);
    let client = Client::new(Version::Tls12);
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    place.policy("20-lifetimes.toml", "[settings.lifetime]\n\"a.example\" = 0\n");
    server.live("lifetimes", 2);
    let report = client.revisit(server.address(), &session).report;
    assert_eq!(report.miss_reason.as_deref(), Some("policy: lifetimes"));
}

#[test]
fn revocation_ends_a_session_with_the_next_handshake() {
    let place = Place::new();
    let ca = client_ca("Client CA");
    place.write("clients.pem", ca.certificate_pem());
    place.policy("05-revocation.wasm", built::policy("revocation"));
    let clients = place.arg("clients.pem");
    let server = place.serve(&["--client-ca", &clients]);
    server.live("revocation", 1);
    let identities = [ca.issue_client("alice"), ca.issue_client("bob")];
    let mut sessions = Vec::new();
    for version in Version::BOTH {
        for identity in &identities {
            let client = Client::new(version).with(identity);
            let session = client.first_visit(server.address()).session;
            let again = client.revisit(server.address(), &session);
            assert!(again.reused);
            sessions.push((client, again.session));
        }
    }
    place.policy("05-revocation.toml", format!("[settings]\nserial = [\"{}\"]\n", identities[0].serial()));
    server.live("revocation", 2);
    let visits: Vec<_> = sessions.iter().map(|(client, session)| client.revisit(server.address(), session)).collect();
    let resumed: Vec<bool> = visits.iter().map(|visit| visit.reused).collect();
    assert_eq!(resumed, [false, true, false, true], "alice's do not, bob's do");
    let alices = &visits[0].report;
    assert_eq!(alices.miss_reason.as_deref(), Some("policy: revocation"));
    assert_eq!(alices.not_kept_reason.as_deref(), Some("policy: revocation"), "nor is a new one of hers kept");

    place.identity("alice", &identities[0]);
    let (cert, key) = (place.path("alice.crt"), place.path("alice.key"));
    for version in Version::BOTH {
        let visits = python::visits(server.address(), version, Some((&cert, &key)), &["a.example"; 2]);
        assert_eq!((visits[0].reused, visits[1].reused), (false, false));
        assert_eq!(visits[0].answered().not_kept_reason.as_deref(), Some("policy: revocation"));
    }
}

#[test]
fn budget_keeps_so_many_sessions_of_a_network_and_counts_on_across_a_reload() {
    let place = Place::new();
    let settings = |budget: usize| format!("[settings]\nper-minute = {budget}\n");
    place.policy("30-budget.wasm", built::policy("budget"));
    place.policy("30-budget.toml", settings(2));
    let server = place.serve(&[]);
    server.live("budget", 1);
    let first = |version| Client::new(version).first_visit(server.address());
    for version in Version::BOTH {
        let visit = first(version);
        assert_eq!(visit.report.not_kept_reason, None, "{version:?}");
        // In TLS 1.2 a resumption makes no session, so it takes nothing of the budget.
        if version == Version::Tls12 {
            assert!(Client::new(version).revisit(server.address(), &visit.session).reused);
        }
    }
    for version in Version::BOTH {
        let report = first(version).report;
        assert_eq!(report.not_kept_reason.as_deref(), Some("policy: budget"), "{version:?}");
    }
    server.log().line(&["policy=\"budget (", "127.0.0.0/24 is over its budget of 2 sessions a minute"]);
    // Four have been counted; the fifth and sixth are within the new budget.
    place.policy("30-budget.toml", settings(6));
    server.live("budget", 2);
    let kept: Vec<bool> = (0..3).map(|_| first(Version::Tls12).report.not_kept_reason.is_none()).collect();
    assert_eq!(kept, [true, true, false]);
}

#[test]
fn a_shipped_policy_whose_settings_make_no_sense_is_rejected_with_what_it_expected() {
    let place = Place::new();
    for (name, settings, reason) in [
        ("tenants", "ipv4-prefix = 33", "ipv4-prefix"),
        ("lifetimes", "default = \"1h\"", "expected a whole number"),
        ("budget", "ipv6-prefix = 129", "ipv6-prefix"),
        ("revocation", "serial = [\"no number\"]", "expected a serial number in hexadecimal"),
    ] {
        place.policy(&format!("10-{name}.toml"), format!("[settings]\n{settings}\n"));
        place.policy(&format!("10-{name}.wasm"), built::policy(name));
        place.serve(&[]).log().line(&["rejected", &format!("10-{name}.wasm"), reason]);
    }
}
