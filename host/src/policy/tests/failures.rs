//! What a failing policy costs: its own call, and a full handshake.

use reprise_fixtures::{Callback, Fixture, policies};

use super::*;
use crate::policy::{
    Answer, Failure, Objection, Terms,
    wit::types::{Removal, RemoveVerdict},
};

/// Decides with a policy that fails in `callback`, and holds the decision, and the policy's count, against `failure`: once
/// objecting, once abstaining.
fn fails(callback: Callback, module: &[u8], failure: Failure, budget: fn() -> Budget) {
    let runtime = runtime();
    for abstains in [false, true] {
        let manifest = if abstains { "on-failure = \"abstain\"" } else { "" };
        let policy = load(&runtime, "failing", module, manifest).unwrap();
        let chain = Chain::new(vec![policy]);
        let objection = Objection { policy: "failing".into(), failure: Some(failure) };
        let asked = match callback {
            Callback::New => {
                let (decision, asked) = chain.decide_new(&mut budget(), &connection(), &session(), &Notes::new());
                let objecting = NewDecision::Refuse(objection);
                assert_eq!(decision, if abstains { NewDecision::Keep(Terms::default()) } else { objecting });
                asked
            }
            Callback::Get => {
                let (decision, asked) = chain.decide_get(&mut budget(), &connection(), &session(), &Notes::new());
                let objecting = GetDecision::FullHandshake(objection);
                assert_eq!(decision, if abstains { GetDecision::Resume { early_data: true } } else { objecting });
                asked
            }
            Callback::Remove => {
                let given_up = Some((&session(), &Notes::new()));
                let (verdict, asked) = chain.decide_remove(&mut budget(), &id(), given_up, Removal::FatalAlert);
                assert_eq!(verdict, RemoveVerdict::HostDefault);
                asked
            }
        };
        let answer = if abstains { Answer::FailedAbstaining(failure) } else { Answer::FailedObjecting(failure) };
        assert_eq!(asked[0].answer, answer);
        let status = chain.policies()[0].status();
        assert_eq!((status.calls, status.failures[failure as usize]), (1, 1));
    }
}

#[test]
fn a_trap_in_new_session_is_an_objection_or_none() {
    fails(Callback::New, &policies::trap_in(Callback::New), Failure::Trap, ample);
}

#[test]
fn a_trap_in_get_session_is_an_objection_or_none() {
    fails(Callback::Get, &policies::trap_in(Callback::Get), Failure::Trap, ample);
}

#[test]
fn a_trap_in_remove_session_leaves_it_to_the_host() {
    fails(Callback::Remove, &policies::trap_in(Callback::Remove), Failure::Trap, ample);
}

#[test]
fn a_loop_in_new_session_ends_at_its_deadline() {
    fails(Callback::New, &policies::loop_in(Callback::New), Failure::Deadline, scarce);
}

#[test]
fn a_loop_in_get_session_ends_at_its_deadline() {
    fails(Callback::Get, &policies::loop_in(Callback::Get), Failure::Deadline, scarce);
}

#[test]
fn a_loop_in_remove_session_ends_at_its_deadline() {
    fails(Callback::Remove, &policies::loop_in(Callback::Remove), Failure::Deadline, scarce);
}

#[test]
fn a_note_too_long_is_no_verdict() {
    fails(Callback::New, &policies::invalid_verdict_in(Callback::New), Failure::InvalidVerdict, ample);
}

#[test]
fn a_verdict_of_new_session_that_does_not_lift_is_none() {
    fails(Callback::New, &policies::unliftable_verdict(), Failure::InvalidVerdict, ample);
}

#[test]
fn a_verdict_of_get_session_that_does_not_lift_is_none() {
    fails(Callback::Get, &policies::invalid_verdict_in(Callback::Get), Failure::InvalidVerdict, ample);
}

#[test]
fn a_verdict_of_remove_session_that_does_not_lift_is_none() {
    fails(Callback::Remove, &policies::invalid_verdict_in(Callback::Remove), Failure::InvalidVerdict, ample);
}

#[test]
fn a_recursion_without_end_is_a_trap_not_the_end_of_the_thread() {
    fails(Callback::Get, &policies::overflow_in(Callback::Get), Failure::Trap, ample);
}

#[test]
fn a_policy_that_hands_over_too_much_fails_its_own_call() {
    // A message of 64 MiB that is not there: fuel ends it before memory is looked at.
    let flood = Fixture::default()
        .once_live(Callback::Get, "(call $log (i32.const 0) (i32.const 0) (i32.const 65536000)) (i32.const 0)")
        .build();
    fails(Callback::Get, &flood, Failure::Trap, ample);
}

#[test]
fn a_policy_that_takes_memory_without_end_never_has_more_than_its_cap() {
    let runtime = runtime();
    let policy = load(&runtime, "bloat", &policies::bloat(), "memory = \"2 MiB\"\ninstances = 1").unwrap();
    let chain = Chain::new(vec![policy.clone()]);
    // 128 KiB to begin with and 1 MiB more a call: the first call has outgrown half of what was left, and a new instance
    // takes its place before the third could be refused its memory.
    for _ in 0..10 {
        assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
    }
    let policy = load(&runtime, "bloat", &policies::bloat(), "memory = \"1 MiB\"\ninstances = 1").unwrap();
    let chain = Chain::new(vec![policy]);
    assert!(matches!(decide_get(&chain, &mut ample()), GetDecision::FullHandshake(_)), "1 MiB more than it may have");
}

#[test]
fn a_deadline_ends_its_own_call_and_no_other() {
    let runtime = runtime();
    let looping = chain_of(&runtime, &[("loop", policies::loop_in(Callback::Get))]);
    let calm = chain_of(&runtime, &[("calm", policies::no_opinion())]);
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| (0..5).map(|_| decide_get(&looping, &mut scarce())).collect::<Vec<_>>());
        while !looping.is_finished() {
            assert_eq!(decide_get(&calm, &mut ample()), GetDecision::Resume { early_data: true });
        }
        assert!(looping.join().unwrap().iter().all(|decision| matches!(decision, GetDecision::FullHandshake(_))));
    });
    assert_eq!(calm.policies()[0].status().failures, [0; 5]);
}

#[test]
fn one_budget_serves_the_whole_chain() {
    let runtime = runtime();
    let chain = chain_of(&runtime, &[("loop", policies::loop_in(Callback::Get)), ("calm", policies::no_opinion())]);
    let mut budget = scarce();
    let (_, asked) = chain.decide_get(&mut budget, &connection(), &session(), &Notes::new());
    assert_eq!(budget.remaining(), Duration::ZERO);
    assert_eq!(asked[1].answer, Answer::FailedObjecting(Failure::Deadline));
}

#[test]
fn a_policys_own_budget_leaves_the_others_theirs() {
    let runtime = runtime();
    let looping = load(&runtime, "loop", &policies::loop_in(Callback::Get), "budget-ms = 5").unwrap();
    let calm = load(&runtime, "calm", &policies::no_opinion(), "").unwrap();
    let (_, asked) = Chain::new(vec![looping, calm]).decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert_eq!(asked[0].answer, Answer::FailedObjecting(Failure::Deadline));
    assert!(matches!(asked[1].answer, Answer::Get(_)), "{asked:?}");
}

#[test]
fn a_call_that_finds_every_instance_taken_gives_up_within_its_budget() {
    let runtime = runtime();
    let policy = load(&runtime, "loop", &policies::loop_in(Callback::Get), "instances = 1").unwrap();
    let chain = Chain::new(vec![policy.clone()]);
    std::thread::scope(|scope| {
        let long = scope.spawn(|| decide_get(&chain, &mut Budget::new(Duration::from_secs(3))));
        while policy.status().calls == 0 {
            std::thread::yield_now();
        }
        // The only instance is in a call for three seconds, or about to be: whichever of the two has it, one waits in vain.
        let (_, asked) = chain.decide_get(&mut scarce(), &connection(), &session(), &Notes::new());
        assert!(
            matches!(asked[0].answer, Answer::FailedObjecting(Failure::Saturated | Failure::Deadline)),
            "{asked:?}"
        );
        assert!(matches!(long.join().unwrap(), GetDecision::FullHandshake(_)));
    });
    let failures = policy.status().failures;
    assert!(failures[Failure::Deadline as usize] >= 1, "{failures:?}");
}

#[test]
fn a_policy_that_always_traps_keeps_answering_as_one_that_traps() {
    let chain = chain_of(&runtime(), &[("trap", policies::trap_in(Callback::Get))]);
    for _ in 0..50 {
        let (_, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
        assert_eq!(asked[0].answer, Answer::FailedObjecting(Failure::Trap));
    }
}
