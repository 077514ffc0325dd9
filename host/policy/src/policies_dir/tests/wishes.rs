//! What an operator may ask for.

use super::{supervision::Driven, *};
use crate::policies_dir::ControlError;

fn is_held(report: &PolicyReport) -> bool {
    matches!(report.state, PolicyState::Quarantined { retry_in: None, .. }) && report.answering.is_none()
}

#[test]
fn a_rollback_goes_to_the_generation_that_is_kept_whether_or_not_it_stands_in() {
    let mut driven = Driven::grown();
    let report = driven.rounds.roll_back("a", driven.now).unwrap().swap_remove(0);
    assert_eq!((report.generation, report.state, report.former), (1, PolicyState::Live, None));
    assert_eq!(driven.chain(), ["good 1"]);
    driven.look();
    driven.after(100_000);
    assert_eq!(driven.chain(), ["good 1"], "the file has not changed");
    driven.drop_in("a.wasm", "good 3");
    assert_eq!(driven.report().generation, 3);

    let mut driven = Driven::grown();
    driven.misbehave("good 2");
    assert_eq!(driven.report().answering, Some(1));
    driven.rounds.roll_back("a", driven.now).unwrap();
    driven.after(100_000);
    assert_eq!((driven.chain(), driven.report().generation), (vec!["good 1".to_string()], 1));
}

#[test]
fn a_rollback_to_nothing_is_an_error_that_names_what_there_is() {
    let mut driven = Driven::start(&[("10-a.wasm", "good 1"), ("b.wasm", "good b")]);
    let error = driven.rounds.roll_back("a", driven.now).unwrap_err();
    assert_eq!(error, ControlError::NothingBefore { name: "a".into(), generation: 1 });
    let error = driven.rounds.roll_back("10-a", driven.now).unwrap_err().to_string();
    assert!(error.contains("`10-a`") && error.contains("a, b"), "{error}");
    assert_eq!(driven.rounds.quarantine("c", driven.now).unwrap_err().to_string(), error.replace("10-a", "c"));
}

#[test]
fn a_rollback_to_what_does_not_start_changes_nothing() {
    let mut driven = Driven::start(&[("a.wasm", "good 1")]);
    driven.record.0.lock().policies[0].does_not_start.store(true, Relaxed);
    driven.drop_in("a.wasm", "good 2");
    let before = driven.report();
    let error = driven.rounds.roll_back("a", driven.now).unwrap_err();
    assert!(matches!(error, ControlError::DoesNotStart { generation: 1, .. }), "{error}");
    assert_eq!((driven.chain(), driven.report().former), (vec!["good 2".to_string()], before.former));
}

#[test]
fn what_an_operator_quarantines_is_answered_by_nothing_until_the_file_changes() {
    let mut driven = Driven::grown();
    let report = driven.rounds.quarantine("a", driven.now).unwrap().swap_remove(0);
    assert!(is_held(&report), "{report:?}");
    assert_eq!(driven.chain(), ["good 2"], "in the chain it counts as failing");
    assert_eq!(driven.record.0.lock().set_aside, ["good 2"]);
    driven.after(100_000);
    assert!(is_held(&driven.report()));
    driven.drop_in("a.wasm", "broken");
    assert!(is_held(&driven.report()));
    driven.drop_in("a.wasm", "good 3");
    assert_eq!((driven.report().state, driven.report().answering), (PolicyState::Trial, Some(3)));
}

#[test]
fn an_operators_quarantine_takes_the_stand_in_out_too_and_a_rollback_or_a_reload_ends_it() {
    for reload in [false, true] {
        let mut driven = Driven::grown();
        driven.misbehave("good 2");
        assert_eq!(driven.chain(), ["good 1"]);
        driven.rounds.quarantine("a", driven.now).unwrap();
        assert!(is_held(&driven.report()));
        assert_eq!(driven.chain(), ["good 2"]);
        if reload {
            driven.rounds.take_up_anew(driven.now);
            assert_eq!((driven.report().state, driven.report().answering), (PolicyState::Trial, Some(2)));
        } else {
            driven.rounds.roll_back("a", driven.now).unwrap();
            assert_eq!((driven.report().generation, driven.report().answering), (1, Some(1)));
        }
    }
}

#[test]
fn a_reload_tries_what_was_rolled_back_rejected_and_quarantined_again() {
    let mut driven = Driven::young();
    driven.misbehave("good 2");
    driven.drop_in("b.wasm", "broken");
    driven.drop_in("c.wasm", "good c");
    driven.misbehave("good c");
    let loaded = driven.record.0.lock().loaded.len();
    driven.rounds.take_up_anew(driven.now);
    driven.look();
    let mut again = driven.record.0.lock().loaded.split_off(loaded);
    // Side by side, in no order.
    again.sort();
    assert_eq!(again, ["broken", "good 2"]);
    assert_eq!(driven.chain(), ["good 2", "good c"]);
    let reports = driven.rounds.reports();
    assert_eq!((reports[0].generation, reports[1].state.clone()), (3, PolicyState::Trial));
}

#[test]
fn a_reload_is_answered_once_everything_in_the_directory_is_taken_up() {
    let watched = Watched::start(&patient(), &[("a.wasm", "good 1")]);
    watched.rename_over("a.wasm", "good 2");
    let reports = watched.dir.reload().unwrap();
    assert_eq!((reports.len(), reports[0].generation), (1, 2));
    assert_eq!(watched.dir.rollback("a").unwrap()[0].generation, 1);
    assert_eq!(watched.chain(), ["a.wasm=good 1"]);
    assert!(is_held(&watched.dir.quarantine("a").unwrap()[0]));
    fs::remove_dir_all(&watched.path).unwrap();
    let error = watched.dir.reload().unwrap_err();
    assert!(matches!(&error, ControlError::DirectoryLost(_)), "{error}");
}

#[test]
fn a_misbehaviour_is_dealt_with_when_it_is_told_of_not_at_the_next_look() {
    let mut watched = Watched::start(&patient(), &[("a.wasm", "good 1")]);
    let (policy, alarm) = {
        let record = watched.record.0.lock();
        (record.policies[0].clone(), record.alarm.clone().unwrap())
    };
    policy.misbehave();
    alarm();
    watched.wait(|event| matches!(event, PolicyEvent::Quarantined { generation: 1, .. }));
}

#[test]
fn wishes_in_another_process_are_errors() {
    let mut watched = Watched::start(&patient(), &[("a.wasm", "good 1")]);
    let shared = watched.as_a_forked_child_finds_it();
    assert!(matches!(watched.dir.reload(), Err(ControlError::NotWatched(_))));
    assert!(matches!(watched.dir.quarantine("a"), Err(ControlError::NotWatched(_))));
    shared.bell.ring(Rings { stop: true, ..Rings::default() });
}
