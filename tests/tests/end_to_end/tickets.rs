//! What a TLS 1.3 ticket tells a client, as OpenSSL's own prints it.

use reprise_fixtures::policies;
use reprise_tests::{Place, Server, Version, s_client};

/// The lifetimes of the tickets that a connection was given.
fn hints(server: &Server, name: &str) -> Vec<u64> {
    let shown = s_client::run(server.address(), Version::Tls13, &["-servername", name]);
    assert_eq!(shown.full(), 1, "{}", shown.output);
    // It prints each ticket that it gets; before that, the session that has none yet.
    let tickets = shown.output.split("Post-Handshake New Session Ticket arrived").skip(1);
    let hint = |ticket: &str| {
        let line = ticket.lines().find_map(|line| line.trim().strip_prefix("TLS session ticket lifetime hint: "));
        line.and_then(|line| line.strip_suffix(" (seconds)")?.parse().ok())
    };
    tickets.map(|ticket| hint(ticket).unwrap_or_else(|| panic!("a ticket says no lifetime:\n{ticket}"))).collect()
}

#[test]
fn a_ticket_says_what_the_options_say() {
    let place = Place::new();
    for (options, says) in
        [(&[][..], 7_200), (&["--lifetime", "10m"], 600), (&["--lifetime", "10m", "--max-lifetime", "20m"], 600)]
    {
        assert_eq!(hints(&place.serve(options), "a.example"), [says], "{options:?}");
    }
}

#[test]
fn a_ticket_says_what_the_policy_says() {
    let place = Place::new();
    place.policy("10-short.wasm", policies::lifetime(300));
    let server = place.serve(&[]);
    server.live("short", 1);
    assert_eq!(hints(&server, "a.example"), [300]);
    place.policy("20-never.wasm", policies::refuse_new());
    server.live("never", 1);
    assert!(hints(&server, "a.example").is_empty());
}
