//! Policies that are asked about a part of the connections.

use reprise_fixtures::policies;

use super::*;
use crate::policy::{Answer, Failure};

fn clients() -> impl Iterator<Item = Connection> {
    (0..200).map(|host| Connection { peer: Some(format!("192.0.2.{host}")), ..connection() })
}

/// Refuses in both callbacks, and attaches no note.
fn canary(runtime: &Runtime, share: u8) -> (Chain, Arc<Policy>) {
    let module = reprise_fixtures::Fixture::default()
        .on(reprise_fixtures::Callback::New, "(i32.store8 (i32.const 0) (i32.const 1)) (i32.const 0)")
        .on(reprise_fixtures::Callback::Get, "(i32.const 2)")
        .build();
    let policy = load(runtime, "canary", &module, &format!("share = {share}")).unwrap();
    (Chain::new(vec![policy.clone()]), policy)
}

#[test]
fn it_is_asked_about_its_share_alone_and_both_callbacks_of_a_connection_agree() {
    let runtime = runtime();
    let (chain, policy) = canary(&runtime, 30);
    let mut inside = 0;
    for client in clients() {
        let (got, get) = chain.decide_get(&mut ample(), &client, &session(), &Notes::new());
        let (kept, _) = chain.decide_new(&mut ample(), &client, &session(), &Notes::new());
        let asked = get[0].answer != Answer::NoOpinion;
        assert_eq!(matches!(got, GetDecision::FullHandshake(_)), asked);
        assert_eq!(matches!(kept, NewDecision::Refuse(_)), asked);
        inside += u64::from(asked);
    }
    assert!((30..90).contains(&inside), "{inside} of 200");
    assert_eq!(policy.status().calls, 2 * inside, "outside it is not called");
}

#[test]
fn a_session_that_carries_its_note_is_shown_to_it_wherever_it_is_offered() {
    let runtime = runtime();
    let (chain, _) = canary(&runtime, 1);
    let (own, foreign) = (vec![("canary".to_string(), vec![1])], vec![("other".to_string(), vec![1])]);
    let refused = |client: &Connection, notes: &Notes| {
        matches!(chain.decide_get(&mut ample(), client, &session(), notes).0, GetDecision::FullHandshake(_))
    };
    let outside: Vec<_> = clients().filter(|client| !refused(client, &Notes::new())).collect();
    assert!(outside.len() > 150);
    for client in outside {
        assert!(refused(&client, &own) && !refused(&client, &foreign), "{client:?}");
    }
}

#[test]
fn quarantined_it_objects_in_its_share_alone() {
    let runtime = runtime();
    let policy = load(&runtime, "canary", &policies::no_opinion(), "share = 30").unwrap();
    policy.set_aside();
    let chain = Chain::new(vec![policy]);
    let quarantined = Answer::FailedObjecting(Failure::Quarantined);
    let objects = |client: &Connection| {
        chain.decide_get(&mut ample(), client, &session(), &Notes::new()).1[0].answer == quarantined
    };
    let inside = clients().filter(objects).count();
    assert!((30..90).contains(&inside), "{inside} of 200");
}
