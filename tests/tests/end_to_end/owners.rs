//! Files of somebody else: what the server may not read, it does not take for something else.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use reprise_fixtures::policies;
use reprise_tests::{Client, Place, Server, Version};

/// Permissions of a file in `place`; where these tests are root's, it is root's and the server is not.
fn permit(place: &Place, name: &str, mode: u32) {
    fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
}

/// The generations of the policies that decide now.
fn deciding(server: &Server) -> Vec<u64> {
    let report = Client::new(Version::Tls12).first_visit(server.address()).report;
    report.policies.iter().map(|policy| policy.generation).collect()
}

#[test]
fn a_module_that_may_not_be_read_is_rejected_with_the_reason_and_the_live_one_stays() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let server = place.serve_unprivileged(&[]);
    // Owned by another user where these tests are root's, and readable: that is enough to go live.
    server.live("a", 1);
    permit(&place, "policies/10-a.wasm", 0o000);
    server.log().line(&[
        "rejected",
        "10-a.wasm cannot be read: Permission denied",
        "let the server's user",
        "keeping generation 1",
    ]);
    assert_eq!(deciding(&server), [1]);
    place.policy("10-a.wasm", policies::refuse_new());
    server.live("a", 2);
    assert_eq!(deciding(&server), [2]);
}

#[test]
fn a_directory_that_may_not_be_read_leaves_what_is_live_and_counts_again_when_it_may() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let server = place.serve_unprivileged(&[]);
    server.live("a", 1);
    permit(&place, "policies", 0o000);
    server.log().line(&["policies cannot be read: Permission denied"]);
    assert_eq!(deciding(&server), [1]);
    permit(&place, "policies", 0o755);
    server.log().line(&["the directory of policies is back"]);
    place.policy("10-a.wasm", policies::refuse_new());
    server.live("a", 2);
}

#[test]
fn a_module_that_may_not_be_read_at_the_start_objects_until_it_may() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    permit(&place, "policies/10-a.wasm", 0o000);
    let server = place.serve_unprivileged(&[]);
    server.log().line(&["rejected", "10-a.wasm cannot be read: Permission denied"]);
    let client = Client::new(Version::Tls12);
    let first = client.first_visit(server.address());
    assert!(!client.revisit(server.address(), &first.session).reused);
    permit(&place, "policies/10-a.wasm", 0o644);
    server.live("a", 1);
    let first = client.first_visit(server.address());
    assert!(client.revisit(server.address(), &first.session).reused);
}
