//! Policies that never return, or die.

use reprise_fixtures::{Callback, hostile, policies};

use super::Ordeal;

const TRAP: &str = "failed-objecting: trap";

#[test]
fn a_loop_in_new_session_costs_sessions_and_no_handshake() {
    let seen = Ordeal::new().quarantines(policies::loop_in(Callback::New), "deadline");
    seen.says(&[]);
}

#[test]
fn a_loop_in_get_session_costs_resumptions_and_no_handshake() {
    let seen = Ordeal::new().quarantines(policies::loop_in(Callback::Get), "deadline");
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says(&[]);
}

#[test]
fn a_loop_in_remove_session_costs_nobody_anything() {
    let seen = Ordeal::new().lets_live(policies::loop_in(Callback::Remove));
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
    let seen = ordeal.quarantines(hostile::loop_in_configure_once_live(), "trap");
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says(&[TRAP]);
    ordeal.logs(&["no new instance could be made", "hostile"]);
}

#[test]
fn a_trap_in_every_third_call_costs_every_third_resumption_and_then_all() {
    let seen = Ordeal::new().quarantines(hostile::trap_every(3), "trap");
    seen.says(&["resume", TRAP]);
    assert!(0 < seen.resumed && seen.resumed < seen.offered, "{seen:?}");
}

#[test]
fn a_recursion_without_end_is_a_trap() {
    let ordeal = Ordeal::new();
    let seen = ordeal.quarantines(policies::overflow_in(Callback::Get), "trap");
    assert_eq!(seen.resumed, 0, "{seen:?}");
    seen.says(&[TRAP]);
    ordeal.logs(&["a policy's call failed", "call stack exhausted"]);
}
