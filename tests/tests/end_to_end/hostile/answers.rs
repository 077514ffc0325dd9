//! Policies that answer what they may not.

use reprise_fixtures::{Callback, hostile, policies};

use super::Ordeal;

const INVALID: &str = "failed-objecting: invalid-verdict";

#[test]
fn a_lifetime_of_2_31_seconds_is_clamped_by_the_host() {
    let ordeal = Ordeal::with(&["--max-lifetime", "1h", "--lifetime", "1h"]);
    let seen = ordeal.lets_live(hostile::keep_for_ever());
    assert_eq!((seen.resumed, seen.longest), (seen.offered, 3_600), "{seen:?}");
}

#[test]
fn a_note_of_10_mib_is_no_verdict() {
    Ordeal::new().quarantines(hostile::note_of_10_mib(), "invalid-verdict").says(&[INVALID]);
}

#[test]
fn cases_that_a_verdict_does_not_have_are_no_verdict() {
    for policy in [
        policies::unliftable_verdict(),
        hostile::no_such_reach(),
        hostile::no_such_option(),
        policies::invalid_verdict_in(Callback::Get),
    ] {
        Ordeal::new().quarantines(policy, "invalid-verdict").says(&[INVALID]);
    }
}
