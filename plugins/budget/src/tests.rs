//! What the policy promises, asked as the host asks.

use reprise_sdk::testing::{configured, connection, counted, logged, pass_time, session};

use super::*;

fn policy(settings: &[(&str, &str)]) -> Budget {
    configured(settings).unwrap()
}

fn is_kept(policy: &Budget, peer: &str) -> bool {
    let connection = Connection { peer: Some(peer.into()), ..connection() };
    policy.new_session(&connection, &session()) != NewVerdict::Refuse
}

/// How many of `tries` sessions are kept.
fn kept(policy: &Budget, peer: &str, tries: usize) -> usize {
    (0..tries).filter(|_| is_kept(policy, peer)).count()
}

#[test]
fn so_many_sessions_of_a_network_are_kept_and_no_more() {
    let policy = policy(&[("per-minute", "3")]);
    assert_eq!(kept(&policy, "192.0.2.1", 2) + kept(&policy, "192.0.2.254", 5), 3);
    assert_eq!(counted("over_budget"), 4);
}

#[test]
fn networks_have_budgets_apart_from_each_other() {
    let policy = policy(&[("per-minute", "1")]);
    for peer in ["192.0.2.1", "192.0.3.1", "2001:db8:1::1", "2001:db8:2::1"] {
        assert_eq!(kept(&policy, peer, 2), 1, "{peer}");
    }
    for peer in ["192.0.2.9", "::ffff:192.0.3.9", "2001:db8:1:ffff::1"] {
        assert!(!is_kept(&policy, peer), "{peer}");
    }
}

#[test]
fn a_network_is_as_large_as_the_settings_say() {
    let narrow = policy(&[("per-minute", "1"), ("ipv4-prefix", "32"), ("ipv6-prefix", "128")]);
    assert!(is_kept(&narrow, "192.0.2.1") && is_kept(&narrow, "192.0.2.2"));
    assert!(is_kept(&narrow, "2001:db8::1") && is_kept(&narrow, "2001:db8::2"));
    let one = policy(&[("per-minute", "1"), ("ipv4-prefix", "0")]);
    assert!(is_kept(&one, "198.51.100.1") && !is_kept(&one, "203.0.113.1"));
}

#[test]
fn a_minute_begins_with_the_first_session_and_is_not_prolonged() {
    let policy = policy(&[("per-minute", "2")]);
    assert!(is_kept(&policy, "192.0.2.1"));
    pass_time(59);
    assert_eq!(kept(&policy, "192.0.2.1", 5), 1);
    pass_time(1);
    assert_eq!(kept(&policy, "192.0.2.1", 5), 2);
}

#[test]
fn the_count_goes_on_under_changed_settings() {
    assert_eq!(kept(&policy(&[("per-minute", "2")]), "192.0.2.1", 2), 2);
    assert_eq!(kept(&policy(&[("per-minute", "3")]), "192.0.2.1", 2), 1);
}

#[test]
fn a_network_of_its_own_shares_one_budget_and_the_longest_prefix_holds() {
    let policy = policy(&[("network.10.0.0.0/8", "3"), ("network.\"10.0.0.0/16\"", "0"), ("per-minute", "1")]);
    assert_eq!(kept(&policy, "10.1.0.1", 2) + kept(&policy, "10.2.0.1", 5), 3);
    assert_eq!(kept(&policy, "10.0.0.1", 2), 0);
    assert_eq!(kept(&policy, "192.0.2.1", 2), 1);
}

#[test]
fn connections_from_nowhere_share_one_budget() {
    let policy = policy(&[("per-minute", "1")]);
    let unknown = Connection { peer: None, ..connection() };
    assert_eq!(policy.new_session(&unknown, &session()), NewVerdict::no_opinion());
    assert_eq!(policy.new_session(&unknown, &session()), NewVerdict::Refuse);
}

#[test]
fn it_says_once_a_minute_which_network_is_over_its_budget() {
    let policy = policy(&[("per-minute", "1")]);
    kept(&policy, "192.0.2.1", 5);
    let said = logged();
    assert_eq!(said.len(), 1);
    assert!(said[0].1.contains("192.0.2.0/24 is over its budget of 1"), "{said:?}");
    pass_time(60);
    kept(&policy, "192.0.2.1", 5);
    assert_eq!(logged().len(), 1);
}

#[test]
fn a_full_state_keeps_no_sessions_of_networks_that_are_not_in_it() {
    let policy = policy(&[("ipv4-prefix", "32")]);
    assert!(is_kept(&policy, "192.0.2.1"));
    let filled = (0..).find(|key| state::set(&format!("other {key}"), b"", 0).is_err());
    assert!(filled.is_some());
    assert!(!is_kept(&policy, "192.0.2.2"));
    assert!(is_kept(&policy, "192.0.2.1"), "one that is in it counts on");
    assert_eq!(counted("state_full"), 1);
}

#[test]
fn settings_that_make_no_sense_reject_the_policy() {
    for (setting, message) in [
        (("per-minute", "-1"), "setting `per-minute`: expected a whole number from 0 to 4294967295, found `-1`"),
        (("ipv4-prefix", "33"), "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`"),
        (("network.10.0.0.1/8", "1"), "setting `network.10.0.0.1/8`: expected a network"),
        (("network.10.0.0.0/8", "many"), "setting `network.10.0.0.0/8`: expected a whole number"),
        (("per-hour", "1"), "unknown setting `per-hour`"),
    ] {
        let error = configured::<Budget>(&[setting]).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(message), "{setting:?}: {error}");
    }
}
