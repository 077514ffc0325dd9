//! nginx.

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Version,
    certificates::{self, Identity},
    modules::{Guests, Running, Site, nginx},
    until,
};

use crate::{learned, own, sessions_outlive, sessions_resume, site, sites_do_not_mix, visit, with_an_agent};

fn one_site(guests: &Guests, identity: &Identity) -> Running {
    nginx(guests, &[site("a.example", identity)])
}

#[test]
fn sessions_resume_in_both_versions() {
    with_an_agent(one_site, sessions_resume);
}

#[test]
fn without_an_agent_every_handshake_is_a_full_one() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        assert!(!visit(&client, &nginx, Some(&session)).reused, "{version:?}");
    }
    // And with the next one, sessions resume again.
    let _agent = guests.agent();
    let client = Client::new(Version::Tls13);
    until("sessions resume", || {
        let session = visit(&client, &nginx, None).session;
        visit(&client, &nginx, Some(&session)).reused
    });
}

#[test]
fn an_agent_that_hangs_is_not_waited_for() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    let client = Client::new(Version::Tls12);
    let session = learned(&client, &nginx);
    assert!(visit(&client, &nginx, Some(&session)).reused);
    agent.freeze();
    for _ in 0..5 {
        assert!(!visit(&client, &nginx, Some(&session)).reused);
    }
    agent.thaw();
    until("the session resumes", || visit(&client, &nginx, Some(&session)).reused);
}

#[test]
fn an_agent_that_dies_costs_full_handshakes_and_no_more() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    let client = Client::new(Version::Tls13);
    let session = learned(&client, &nginx);
    drop(agent);
    assert!(!visit(&client, &nginx, Some(&session)).reused);
    // Another one finds the socket of the one that died.
    let _agent = guests.agent();
    until("sessions resume", || {
        let session = visit(&client, &nginx, None).session;
        visit(&client, &nginx, Some(&session)).reused
    });
}

#[test]
fn sessions_survive_a_reload() {
    with_an_agent(one_site, |nginx| sessions_outlive(nginx, || nginx.reload("-HUP")));
}

/// CVE-2025-23419: nginx chooses the site when OpenSSL has looked for the session already.
#[test]
fn a_session_resumes_at_its_own_site_alone() {
    sites_do_not_mix(nginx);
}

#[test]
fn a_certificate_of_a_client_is_seen_after_a_resumption() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let ca = certificates::client_ca("clients");
    guests.place().identity("clients", &ca);
    let _agent = guests.agent();
    let more = "ssl_verify_client on; ssl_client_certificate clients.crt;";
    let nginx = nginx(&guests, &[Site { more, ..site("a.example", &identity) }]);
    for version in Version::BOTH {
        let client = Client::new(version).with(&ca.issue_client("alice"));
        let first = visit(&client, &nginx, None);
        for _ in 0..2 {
            let again = visit(&client, &nginx, Some(&first.session));
            assert!(again.reused && again.answer.contains("client SUCCESS"), "{version:?}: {}", again.answer);
            let of = |answer: &str| answer.lines().last().unwrap_or_default().to_owned();
            assert_eq!(of(&again.answer), of(&first.answer), "{version:?}");
            assert!(again.answer.contains("CN=alice"), "{}", again.answer);
        }
    }
}

#[test]
fn who_is_asked_for_a_certificate_since_does_not_resume_without() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let ca = certificates::client_ca("clients");
    guests.place().identity("clients", &ca);
    guests.place().write("more.conf", "");
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[Site { more: "include more.conf;", ..site("a.example", &identity) }]);
    for version in Version::BOTH {
        guests.place().write("more.conf", "");
        nginx.reload("-HUP");
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        assert!(visit(&client, &nginx, Some(&session)).reused);
        guests.place().write("more.conf", "ssl_verify_client optional; ssl_client_certificate clients.crt;");
        nginx.reload("-HUP");
        learned(&client, &nginx);
        assert!(!visit(&client, &nginx, Some(&session)).reused, "{version:?}");
    }
}

#[test]
fn a_policy_that_is_dropped_in_decides() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[site("a.example", &identity)]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        assert!(visit(&client, &nginx, Some(&session)).reused);
    }
    guests.place().policy("objects.wasm", policies::refuse_get());
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        until("the policy objects", || !visit(&client, &nginx, Some(&session)).reused);
    }
}

/// Whoever listens where the agent should is shown no session, unless it is root, or said to be the agent's user.
#[test]
fn an_agent_of_another_user_is_asked_where_the_settings_name_it() {
    const USER: u32 = 12_345;
    let identity = own("a.example");
    for (more, resumes) in [("", false), ("agent = 12345", true)] {
        let guests = Guests::with(more);
        let _agent = guests.agent_of(Some(USER));
        let nginx = nginx(&guests, &[site("a.example", &identity)]);
        let client = Client::new(Version::Tls12);
        let session = learned(&client, &nginx);
        assert_eq!(visit(&client, &nginx, Some(&session)).reused, resumes, "{more}");
    }
}

#[test]
fn settings_of_no_use_leave_the_server_as_it_was() {
    let (guests, identity) = (Guests::with("deadline = soon"), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[Site { more: "ssl_session_cache shared:own:1m;", ..site("a.example", &identity) }]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &nginx);
        assert!(visit(&client, &nginx, Some(&session)).reused, "{version:?}: by nginx itself");
    }
}
