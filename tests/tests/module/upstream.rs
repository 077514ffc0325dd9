//! Connections that a server makes as a client: they resume as they always did, and no policy is asked.

use std::process::Command;

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Version,
    certificates::Identity,
    modules::{Guests, Running, Site, nginx},
    until,
};

use crate::{own, site, visit};

/// An nginx that resumes by itself, and tells whether it has. The module leaves it alone: its settings are of no use.
fn behind(version: Version, identity: &Identity) -> (Guests, Running) {
    let guests = Guests::with("deadline = soon");
    let more = format!(
        "ssl_session_cache shared:own:1m;
        ssl_protocols {};
        location = /connection {{ return 200 \"site a.example behind [$ssl_session_reused]\\n\"; }}",
        version.name()
    );
    let running = nginx(&guests, &[Site { more: &more, ..site("a.example", identity) }]);
    (guests, running)
}

/// The server in front, which passes on to this one.
fn passes_on(front: impl Fn(&Guests, &Identity, &Running) -> Running) {
    let identity = own("a.example");
    for version in Version::BOTH {
        let (_files, behind) = behind(version, &identity);
        let guests = Guests::new();
        // Neither keeps nor resumes anything, as far as it is asked.
        guests.place().policy("10-keeps-nothing.wasm", policies::refuse_new());
        guests.place().policy("20-resumes-nothing.wasm", policies::refuse_get());
        let _agent = guests.agent();
        guests.live("resumes-nothing", 1);
        let front = front(&guests, &identity, &behind);
        let client = Client::new(Version::Tls13);
        let mut visits = 0;
        until("the server in front resumes at the one behind", || {
            visits += 1;
            let session = visit(&client, &front, None);
            session.answer.contains("behind [r]")
        });
        for _ in 0..3 {
            visits += 1;
            let exchange = visit(&client, &front, None);
            assert!(exchange.answer.contains("behind [r]"), "{version:?}: {}", exchange.answer);
        }
        assert!(!visit(&client, &front, Some(&visit(&client, &front, None).session)).reused, "the policies hold");
        visits += 2;
        let status = guests.status();
        assert_eq!(handshakes(&status), visits, "{version:?}: of clients alone: {status}");
    }
}

/// How many the agent has heard of.
fn handshakes(status: &serde_json::Value) -> u64 {
    let count = |version: &serde_json::Value| Some(version["full"].as_u64()? + version["resumed"].as_u64()?);
    let versions = status["handshakes"].as_array().expect("a list");
    versions.iter().map(|version| count(version).expect("numbers")).sum()
}

#[test]
fn nginx_resumes_at_its_upstream_as_before() {
    passes_on(|guests, identity, behind| {
        let more = format!(
            "location = /connection {{ proxy_pass https://{}; proxy_ssl_session_reuse on;
            proxy_ssl_protocols TLSv1.2 TLSv1.3; }}",
            behind.address()
        );
        nginx(guests, &[Site { more: &more, ..site("a.example", identity) }])
    });
}

#[test]
fn haproxy_resumes_at_its_server_as_before() {
    passes_on(|guests, identity, behind| {
        let place = guests.place();
        place.write("a.example.pem", [identity.certificate_pem(), identity.key_pem()].concat());
        guests.start("haproxy", |port| {
            place.write(
                "haproxy.cfg",
                format!(
                    "global
                        nbthread 1
                    defaults
                        mode http
                        timeout client 30s
                        timeout connect 30s
                        timeout server 30s
                        option httpclose
                    frontend all
                        bind 127.0.0.1:{port} ssl crt {}
                        default_backend one
                    backend one
                        server behind {} ssl verify none\n",
                    place.arg("a.example.pem"),
                    behind.address()
                ),
            );
            let mut command = Command::new("haproxy");
            command.args(["-W", "-db", "-f"]).arg(place.path("haproxy.cfg"));
            command
        })
    });
}
