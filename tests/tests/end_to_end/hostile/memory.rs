//! Policies that take all they can get, and claim what they have not.

use reprise_fixtures::hostile;

use super::Ordeal;

const INVALID: &str = "failed-objecting: invalid-verdict";

/// The host finds that what the policy claims is not there, whatever it claims.
fn is_no_verdict(policy: Vec<u8>) {
    Ordeal::new().quarantines(policy, "invalid-verdict").says(&[INVALID]);
}

/// It answers for a while, and then the host finds nowhere to put the facts.
fn goes_bad(policy: Vec<u8>) {
    Ordeal::new().quarantines(policy, "invalid-verdict").says(&["keep", "resume", INVALID]);
}

#[test]
fn a_policy_that_takes_all_memory_has_no_more_than_its_cap() {
    // It is refused more, and answers; filling what it got may take longer than its budget.
    Ordeal::new().lets_live(hostile::memory_bomb()).says(&["resume"]);
}

#[test]
fn a_policy_that_frees_nothing_answers_on_with_new_instances() {
    let seen = Ordeal::new().lets_live(hostile::leak());
    assert_eq!(seen.resumed, seen.offered, "{seen:?}");
}

#[test]
fn a_note_of_2_gib_that_is_not_there_is_no_verdict() {
    is_no_verdict(hostile::note_claimed(0, 1 << 31));
}

#[test]
fn a_note_beyond_the_end_of_memory_is_no_verdict() {
    is_no_verdict(hostile::note_claimed(u32::MAX - 15, 16));
}

#[test]
fn a_list_of_2_gib_attributes_is_no_verdict() {
    is_no_verdict(hostile::attributes_claimed(0, 1 << 31));
}

#[test]
fn a_list_of_all_the_attributes_that_memory_has_room_for_is_no_verdict() {
    // Each is two strings of no bytes: 16 bytes there, three times as many in the host's memory.
    is_no_verdict(hostile::attributes_claimed(0, 8_000));
}

#[test]
fn a_verdict_beyond_the_end_of_memory_is_none() {
    is_no_verdict(hostile::verdict_out_of_memory());
}

#[test]
fn a_message_of_2_gib_that_is_not_there_is_a_trap() {
    Ordeal::new().quarantines(hostile::message_claimed(), "trap").says(&["failed-objecting: trap"]);
}

#[test]
fn an_allocation_beyond_the_end_of_memory_fails_the_call() {
    goes_bad(hostile::realloc_to(-16));
}

#[test]
fn an_allocation_that_is_not_aligned_fails_the_call() {
    goes_bad(hostile::realloc_to(1));
}

#[test]
fn an_allocation_at_null_is_the_policys_own_affair() {
    // An address like any other. What is written there is the policy's own, and the facts of one list over another's.
    Ordeal::new().lets_live(hostile::realloc_to(0));
}
