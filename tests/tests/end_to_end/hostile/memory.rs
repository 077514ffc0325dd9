//! Policies that take all they can get.

use reprise_fixtures::hostile;

use super::Ordeal;

const INVALID: &str = "failed-objecting: invalid-verdict";
const TRAP: &str = "failed-objecting: trap";
const DEADLINE: &str = "failed-objecting: deadline";
const SATURATED: &str = "failed-objecting: saturated";

#[test]
fn a_policy_that_takes_all_memory_has_no_more_than_its_cap() {
    let seen = Ordeal::new().lets_live(hostile::memory_bomb());
    // It is refused more memory, and answers; filling what it got may take longer than its budget.
    seen.says_at_least(&["resume"], &["no-opinion", DEADLINE, SATURATED]);
}

#[test]
fn a_policy_that_frees_nothing_answers_on_with_new_instances() {
    let seen = Ordeal::new().lets_live(hostile::leak());
    assert_eq!(seen.resumed, seen.offered, "{seen:?}");
}

#[test]
fn a_note_of_2_gib_that_is_not_there_is_no_verdict() {
    let ordeal = Ordeal::new();
    ordeal.lets_live(hostile::note_claimed(0, 1 << 31)).says_at_least(&[INVALID], &[SATURATED]);
    ordeal.logs(&["a policy's call failed", "policy=\"hostile\"", "invalid-verdict"]);
}

#[test]
fn a_note_beyond_the_end_of_memory_is_no_verdict() {
    Ordeal::new().lets_live(hostile::note_claimed(u32::MAX - 15, 16)).says_at_least(&[INVALID], &[SATURATED]);
}

#[test]
fn a_list_of_2_gib_attributes_is_no_verdict() {
    Ordeal::new().lets_live(hostile::attributes_claimed(0, 1 << 31)).says_at_least(&[INVALID], &[SATURATED]);
}

#[test]
fn a_list_of_as_many_attributes_as_memory_has_room_for_is_no_verdict() {
    // Each is two strings of no bytes at address 0: 16 bytes there, three times as many in the host's memory.
    Ordeal::new().lets_live(hostile::attributes_claimed(65_536, 4_096)).says_at_least(&["keep"], &[INVALID, SATURATED]);
}

#[test]
fn a_verdict_beyond_the_end_of_memory_is_none() {
    Ordeal::new().lets_live(hostile::verdict_out_of_memory()).says_at_least(&[INVALID], &[SATURATED]);
}

#[test]
fn a_message_of_2_gib_that_is_not_there_is_a_trap() {
    Ordeal::new().lets_live(hostile::message_claimed()).says_at_least(&[TRAP], &[SATURATED, "no-opinion"]);
}

#[test]
fn allocations_that_are_not_where_they_could_be_cost_the_call() {
    // Beyond the end of memory; not aligned. Null is an address like any other: what is there is the policy's own.
    for address in [-16, 1] {
        let seen = Ordeal::new().lets_live(hostile::realloc_to(address));
        assert!(seen.verdicts.iter().any(|verdict| verdict.starts_with("failed-objecting: ")), "{address}: {seen:?}");
    }
    Ordeal::new().lets_live(hostile::realloc_to(0));
}
