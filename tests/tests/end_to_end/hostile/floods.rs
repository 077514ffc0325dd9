//! Policies that say too much.

use std::collections::BTreeSet;

use reprise_fixtures::hostile;

use super::Ordeal;

/// Every call is a flood. It may be cut off by its budget; what was let through is bounded all the same.
fn flooded(policy: Vec<u8>) -> Ordeal {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(policy);
    seen.says(&["resume"]);
    ordeal
}

#[test]
fn a_flood_of_messages_is_a_hundred_lines_a_second() {
    let ordeal = flooded(hostile::log_flood());
    let lines = ordeal.log().lines().filter(|line| line.contains("hostile (generation 1")).count();
    // Each second that has begun, a hundred: as many seconds as the log's lines show.
    let seconds: BTreeSet<String> = ordeal.log().lines().map(|line| line.chars().take(19).collect()).collect();
    assert!(lines > 0 && lines <= 100 * (seconds.len() + 1), "{lines} lines in {} seconds", seconds.len());
}

#[test]
fn a_flood_of_counters_costs_no_handshake() {
    flooded(hostile::count_flood());
}

#[test]
fn a_flood_of_keys_costs_no_handshake() {
    flooded(hostile::state_flood());
}
