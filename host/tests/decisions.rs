//! Whoever listens is told what the policies decide.

use crate::support;

use reprise::{
    Decision, Host,
    policy::{Answer, Callback, wit::types::GetVerdict},
};
use reprise_fixtures::policies as made;
use support::{policies::directory, *};

/// What each policy said, as (name, generation, answer).
fn said(decision: &Decision) -> Vec<(&str, u64, &Answer)> {
    decision.asked.iter().map(|asked| (&*asked.policy, asked.generation, &asked.answer)).collect()
}

#[test]
fn each_decision_is_told_with_what_every_policy_said() {
    let directory = directory(&[("10-calm.wasm", made::no_opinion()), ("20-not.wasm", made::refuse_get())]);
    let host = Host::builder().policies(directory.path()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        // What is given up is decided on a thread of its own, at its own time.
        let mut decisions = host.decisions().filter(|decision| decision.callback != Callback::Remove);
        let first = handshake(&host, &context, &Client::of(version));
        let kept = decisions.next().unwrap();
        assert_eq!((kept.callback, kept.server_name.as_deref()), (Callback::New, Some("a.example")));
        assert!(matches!(said(&kept)[..], [("calm", 1, Answer::New(_)), ("not", 1, Answer::NoOpinion)]), "{kept:?}");

        handshake(&host, &context, &Client::of(version).offering(first.session()));
        let looked_up = decisions.next().unwrap();
        assert_eq!((looked_up.callback, &looked_up.session), (Callback::Get, &kept.session));
        let (resume, not) = (Answer::Get(GetVerdict::Resume), Answer::Get(GetVerdict::FullHandshake));
        assert_eq!(said(&looked_up), [("calm", 1, &resume), ("not", 1, &not)]);
    }
}

#[test]
fn what_is_told_of_a_session_does_not_let_anybody_offer_it() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    let decisions = host.decisions();
    let made = handshake(&host, &context, &Client::of(VERSIONS[0]));
    let told = decisions.next_within(std::time::Duration::ZERO).unwrap();
    let id: String = made.session().id().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((id.len(), told.session.len()), (64, 16));
    assert!(id.starts_with(&told.session));
}

#[test]
fn listening_ends_with_the_host() {
    let host = Host::builder().build().unwrap();
    let mut decisions = host.decisions();
    drop(host);
    assert_eq!(decisions.next(), None);
}
