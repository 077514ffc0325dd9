//! What several policies decide together.

use reprise_fixtures::{Callback, Fixture, Keep, policies};

use super::*;
use crate::policy::{
    Answer, Terms,
    wit::types::{GetVerdict, Priority, Reach, Removal, RemoveVerdict},
};

#[test]
fn without_policies_the_host_decides() {
    let chain = Chain::default();
    let notes = vec![("gone".to_owned(), b"note".to_vec())];
    let (decision, asked) = chain.decide_new(&mut ample(), &connection(), &session(), &notes);
    assert_eq!(decision, NewDecision::Keep(Terms { notes, ..Terms::default() }));
    assert!(asked.is_empty());
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
    assert_eq!(chain.decide_remove(&mut ample(), &id(), None, Removal::Unknown).0, RemoveVerdict::HostDefault);
}

#[test]
fn a_policy_without_an_opinion_changes_nothing() {
    let chain = chain_of(&runtime(), &[("calm", policies::no_opinion())]);
    assert_eq!(decide_new(&chain, &mut ample()), NewDecision::Keep(Terms::default()));
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
    let given_up = Some((&session(), &Notes::new()));
    assert_eq!(chain.decide_remove(&mut ample(), &id(), given_up, Removal::FatalAlert).0, RemoveVerdict::HostDefault);
}

#[test]
fn a_component_that_exports_only_get_session_works_and_is_not_called_for_the_rest() {
    let chain = chain_of(&runtime(), &[("get", policies::get_only())]);
    let (decision, asked) = chain.decide_new(&mut ample(), &connection(), &session(), &Notes::new());
    assert_eq!((decision, &asked[0].answer), (NewDecision::Keep(Terms::default()), &Answer::NoOpinion));
    let (_, asked) = chain.decide_remove(&mut ample(), &id(), None, Removal::Unknown);
    assert_eq!(asked[0].answer, Answer::NoOpinion);
    assert_eq!(chain.policies()[0].status().calls, 0);
    let (_, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert_eq!(asked[0].answer, Answer::Get(GetVerdict::Resume));
    assert_eq!(chain.policies()[0].status().calls, 1);
}

#[test]
fn one_objection_is_enough_and_the_others_are_still_asked() {
    let runtime = runtime();
    let chain = chain_of(
        &runtime,
        &[("new", policies::refuse_new()), ("get", policies::refuse_get()), ("lying", policies::lying())],
    );
    let (decision, asked) = chain.decide_new(&mut ample(), &connection(), &session(), &Notes::new());
    let NewDecision::Refuse(objection) = decision else { panic!("kept: {decision:?}") };
    assert_eq!((&*objection.policy, objection.failure), ("new", None));
    assert!(matches!(asked[2].answer, Answer::New(_)), "{asked:?}");

    let (decision, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    let GetDecision::FullHandshake(objection) = decision else { panic!("resumed: {decision:?}") };
    assert_eq!((&*objection.policy, objection.failure), ("get", None));
    assert_eq!(asked[2].answer, Answer::Get(GetVerdict::Resume));
}

#[test]
fn terms_narrow_whatever_the_order() {
    let runtime = runtime();
    let strict = Keep { lifetime: Some(60), single_use: Some(true), reach: Some(0), priority: Some(0), note: None };
    let (strict, lying) = (("strict", policies::keep(&strict, b"")), ("lying", policies::lying()));
    for (modules, priority) in
        [([strict.clone(), lying.clone()], Priority::Low), ([lying.clone(), strict.clone()], Priority::High)]
    {
        let expected = Terms {
            lifetime: Some(60),
            single_use: Some(true),
            reach: Some(Reach::Node),
            priority: Some(priority),
            ..Terms::default()
        };
        assert_eq!(decide_new(&chain_of(&runtime, &modules), &mut ample()), NewDecision::Keep(expected));
    }
}

#[test]
fn a_lifetime_of_nothing_is_a_refusal() {
    let chain = chain_of(&runtime(), &[("brief", policies::lifetime(0))]);
    assert!(
        matches!(decide_new(&chain, &mut ample()), NewDecision::Refuse(objection) if &*objection.policy == "brief")
    );
}

#[test]
fn early_data_needs_everybody() {
    let runtime = runtime();
    let chain = chain_of(&runtime, &[("calm", policies::no_opinion()), ("careful", policies::no_early_data())]);
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: false });
}

#[test]
fn one_forget_is_enough() {
    let runtime = runtime();
    let chain = chain_of(&runtime, &[("forgetful", policies::forget_on_remove()), ("calm", policies::no_opinion())]);
    let (verdict, _) = chain.decide_remove(&mut ample(), &id(), None, Removal::UncleanClose);
    assert_eq!(verdict, RemoveVerdict::Forget);
}

#[test]
fn each_policy_sees_its_own_note_and_leaves_the_others_alone() {
    let runtime = runtime();
    let chain = chain_of(&runtime, &[("two", policies::note(b"22")), ("three", policies::note(b"333"))]);
    let carried = vec![("gone".to_owned(), b"old".to_vec()), ("three".to_owned(), b"stale".to_vec())];
    let (decision, _) = chain.decide_new(&mut ample(), &connection(), &session(), &carried);
    let NewDecision::Keep(terms) = decision else { panic!("refused: {decision:?}") };
    let notes: Notes =
        [("gone", "old"), ("three", "333"), ("two", "22")].map(|(name, note)| (name.into(), note.into())).into();
    assert_eq!(terms.notes, notes);

    let resumes = |notes: &Notes| chain.decide_get(&mut ample(), &connection(), &session(), notes).0;
    assert_eq!(resumes(&notes), GetDecision::Resume { early_data: true });
    let swapped: Notes = [("two", "333"), ("three", "22")].map(|(name, note)| (name.into(), note.into())).into();
    assert!(matches!(resumes(&swapped), GetDecision::FullHandshake(_)));
    assert!(matches!(resumes(&Notes::new()), GetDecision::FullHandshake(_)));
}

#[test]
fn attributes_go_to_those_who_ask() {
    let runtime = runtime();
    // Resumes only without attributes: the connection's list is at 44, its length at 48; the
    // candidate's at 212 and 216.
    let curious = Fixture::default()
        .on(
            Callback::Get,
            "(i32.mul (i32.const 2) (i32.ne (i32.const 0) (i32.or
               (i32.load offset=48 (local.get $facts)) (i32.load offset=216 (local.get $facts)))))",
        )
        .build();
    let (mut connection, mut session) = (connection(), session());
    connection.attributes = vec![("site".into(), "a".into())];
    session.attributes = connection.attributes.clone();
    let without = load(&runtime, "without", &curious, "").unwrap();
    let with = load(&runtime, "with", &curious, "attributes = [\"site\"]").unwrap();
    for (policies, expected) in [
        (vec![without.clone()], None),
        (vec![with.clone()], Some("with")),
        (vec![without.clone(), with.clone(), without.clone()], Some("with")),
        (vec![with, without], Some("with")),
    ] {
        let chain = Chain::new(policies);
        assert_eq!(chain.asks_for("site"), expected.is_some());
        let objector = match chain.decide_get(&mut ample(), &connection, &session, &Notes::new()) {
            (GetDecision::FullHandshake(objection), asked) => {
                let objections = asked.iter().filter(|one| one.answer == Answer::Get(GetVerdict::FullHandshake));
                assert_eq!(objections.count(), 1);
                Some(objection.policy)
            }
            (GetDecision::Resume { .. }, _) => None,
        };
        assert_eq!(objector.as_deref(), expected);
    }
}
