//! Whoever listens is told what is decided, and why.

use crate::support;

use std::{sync::Arc, time::Duration};

use reprise::{
    Consultation, Consultations, Host, NotKept, Verdict,
    policy::{Answer, Callback, wit::types::GetVerdict},
    session::Miss,
    store::{Memory, Store, Tiers},
};
use reprise_fixtures::policies as made;
use support::{policies::directory, spy::Spy, *};

/// What each policy said, as (name, generation, answer).
fn said(event: &Consultation) -> Vec<(&str, u64, &Answer)> {
    event.asked.iter().map(|asked| (&*asked.policy, asked.generation, &asked.answer)).collect()
}

#[test]
fn each_decision_is_told_with_what_every_policy_said() {
    let directory = directory(&[("10-calm.wasm", made::no_opinion()), ("20-not.wasm", made::refuse_get())]);
    let host = Host::builder().policies(directory.path()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        // What is given up is decided on a thread of its own, at its own time.
        let mut told = host.consultations().filter(|event| event.callback != Callback::Remove);
        let first = handshake(&host, &context, &Client::of(version));
        let kept = told.next().unwrap();
        assert_eq!((kept.callback, kept.server_name.as_deref()), (Callback::New, Some("a.example")));
        assert!(matches!(said(&kept)[..], [("calm", 1, Answer::New(_)), ("not", 1, Answer::NoOpinion)]), "{kept:?}");
        let (report, about) = (first.report.as_ref().unwrap(), kept.about.unwrap());
        let Verdict::Keeps { until, single_use: false, .. } = kept.verdict else { panic!("{kept:?}") };
        assert_eq!((report.expires, report.authenticated), (Some(until), Some(about.authenticated)));
        assert!(kept.look_up.is_none() && kept.listener.as_ref() == Some(&report.listener));

        handshake(&host, &context, &Client::of(version).offering(first.session()));
        let looked_up = told.next().unwrap();
        assert_eq!((looked_up.callback, &looked_up.session), (Callback::Get, &kept.session));
        let (resume, not) = (Answer::Get(GetVerdict::Resume), Answer::Get(GetVerdict::FullHandshake));
        assert_eq!(said(&looked_up), [("calm", 1, &resume), ("not", 1, &not)]);
        assert_eq!(looked_up.verdict, Verdict::Misses(Miss::Policy("not".into())));
        assert_eq!((looked_up.about, looked_up.look_up.unwrap().tier), (Some(about), Some(0)));
        // Calls into a sandbox take time.
        assert!(looked_up.asked.iter().all(|asked| asked.took > Duration::ZERO), "{looked_up:?}");
    }
}

#[test]
fn what_is_told_of_a_session_does_not_let_anybody_offer_it() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    let told = host.consultations();
    let made = handshake(&host, &context, &Client::of(VERSIONS[0]));
    let told = told.next_within(Duration::ZERO).unwrap();
    let id: String = made.session().id().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((id.len(), told.session.len()), (64, 16));
    assert!(id.starts_with(&told.session));
}

#[test]
fn listening_ends_with_the_host() {
    let host = Host::builder().build().unwrap();
    let mut told = host.consultations();
    drop(host);
    assert_eq!(told.next(), None);
}

/// What was told of sessions offered.
fn offers(told: &Consultations) -> Vec<Arc<Consultation>> {
    let all = std::iter::from_fn(|| told.next_within(Duration::ZERO).ok());
    all.filter(|event| event.callback == Callback::Get).collect()
}

#[test]
fn a_resumption_and_each_miss_is_told_once_and_without_policies_too() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let client = Client::of(version);
        let first = handshake(&host, &context, &client);
        let told = host.consultations();
        handshake(&host, &context, &client);
        assert_eq!(offers(&told), [], "nothing was offered");
        let resumed = handshake(&host, &context, &Client::of(version).offering(first.session()));
        let event = &offers(&told)[..];
        let [event] = event else { panic!("{event:?}") };
        assert_eq!(event.verdict, Verdict::Resumes { early_data: false });
        assert_eq!(event.about.unwrap().authenticated, resumed.report.unwrap().authenticated.unwrap());
        // It belongs elsewhere: the host says no, and what it is can still be told.
        let strange = handshake(&host, &context, &Client::of(version).named("b.example").offering(first.session()));
        let event = &offers(&told)[..];
        let [event] = event else { panic!("{event:?}") };
        assert_eq!(event.verdict, Verdict::Misses(strange.report.unwrap().miss.unwrap()));
        assert_eq!((event.server_name.as_deref(), event.about.is_some()), (Some("b.example"), true));
        // It is gone.
        spy.remove(&first.report.as_ref().unwrap().session_id.unwrap());
        let gone = handshake(&host, &context, &Client::of(version).offering(first.session()));
        let event = &offers(&told)[..];
        let [event] = event else { panic!("{event:?}") };
        assert_eq!((&event.verdict, gone.miss().as_str()), (&Verdict::Misses(Miss::NotFound), "not-found"));
        assert_eq!((event.about, event.look_up.unwrap().tier), (None, None));
    }
}

#[test]
fn it_is_told_which_store_had_it() {
    let memory = || Arc::new(Memory::with_capacity(1 << 20)) as Arc<dyn Store>;
    let (near, far) = (memory(), memory());
    let tiers = Tiers::new(vec![near.clone(), far], Duration::from_secs(60)).unwrap();
    let host = Host::builder().store(tiers).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let told = host.consultations();
        let tier = || {
            handshake(&host, &context, &Client::of(version).offering(first.session()));
            offers(&told)[0].look_up.unwrap().tier
        };
        assert_eq!(tier(), Some(0));
        let id = first.report.as_ref().unwrap().session_id.unwrap();
        near.forget(&id);
        assert_eq!(tier(), Some(1));
    }
}

#[test]
fn a_session_that_is_not_kept_is_told_of_with_the_reason() {
    let host = Host::builder().max_entry(64).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let told = host.consultations();
        handshake(&host, &context, &Client::of(version));
        let verdicts: Vec<_> = std::iter::from_fn(|| told.next_within(Duration::ZERO).ok()).collect();
        let last = verdicts.last().unwrap();
        assert!(matches!(last.verdict, Verdict::NotKept(NotKept::TooLarge(_))), "{verdicts:?}");
    }
}
