//! Policies that never return, or die.

use reprise_fixtures::{Callback, hostile, policies};

use super::Ordeal;

/// The whole handshake has one budget: a loop ends with it, and where it is used up, nothing more is called.
const DEADLINE: &str = "failed-objecting: deadline";
/// All instances are in a loop, or one that was lost is not replaced yet.
const SATURATED: &str = "failed-objecting: saturated";
const TRAP: &str = "failed-objecting: trap";

#[test]
fn a_loop_in_new_session_costs_sessions_and_no_handshake() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(policies::loop_in(Callback::New));
    seen.says_at_least(&[DEADLINE], &[SATURATED]);
    ordeal.logs(&["a policy's call failed", "policy=\"hostile\"", "new-session", "deadline"]);
}

#[test]
fn a_loop_in_get_session_costs_resumptions_and_no_handshake() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(policies::loop_in(Callback::Get));
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says_at_least(&[DEADLINE], &[SATURATED, "no-opinion"]);
    ordeal.logs(&["a policy's call failed", "policy=\"hostile\"", "get-session", "deadline"]);
}

#[test]
fn a_loop_in_remove_session_costs_nobody_anything() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(policies::loop_in(Callback::Remove));
    assert_eq!(seen.resumed, seen.offered, "{seen:?}");
}

#[test]
fn a_loop_in_configure_is_rejected() {
    Ordeal::new().rejects(hostile::loop_in_configure(), &["(configure)", "interrupt"]);
}

#[test]
fn a_loop_in_a_start_function_is_rejected() {
    Ordeal::new().rejects(hostile::loop_in_start(), &["(instantiate)", "interrupt"]);
}

#[test]
fn a_loop_in_the_configure_of_later_instances_costs_resumptions_and_no_handshake() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(hostile::loop_in_configure_once_live());
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says_at_least(&[TRAP], &[SATURATED, "no-opinion"]);
    ordeal.logs(&["no new instance could be made", "hostile"]);
}

#[test]
fn a_trap_in_every_third_call_costs_every_third_resumption() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(hostile::trap_every(3));
    seen.says_at_least(&["resume", TRAP], &[SATURATED, "no-opinion"]);
    assert!(0 < seen.resumed && seen.resumed < seen.offered, "{seen:?}");
}

#[test]
fn a_recursion_without_end_is_a_trap() {
    let ordeal = Ordeal::new();
    let seen = ordeal.lets_live(policies::overflow_in(Callback::Get));
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says_at_least(&[TRAP], &[SATURATED, "no-opinion"]);
    ordeal.logs(&["a policy's call failed", "policy=\"hostile\"", "call stack exhausted"]);
}
