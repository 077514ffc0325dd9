//! What a failing policy costs: its own call, and a full handshake.

use reprise_fixtures::{Callback, Fixture, policies};

use super::*;
use crate::policy::{
    Answer, Failure, Objection, Terms,
    wit::types::{Removal, RemoveVerdict},
};

/// Decides with a policy that fails in `callback`, and holds the decision, and the policy's count,
/// against `failure`: once objecting, once abstaining.
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
fn a_recursion_without_end_is_a_trap_on_a_small_thread_too() {
    let chain = chain_of(&runtime(), &[("deep", policies::overflow_in(Callback::Get))]);
    // Just enough for the call to be made.
    let small = std::thread::Builder::new().stack_size(208 << 10);
    let decision = small.spawn(move || decide_get(&chain, &mut ample())).unwrap().join().unwrap();
    assert!(
        matches!(decision, GetDecision::FullHandshake(Objection { failure: Some(Failure::Trap), .. })),
        "{decision:?}"
    );
}

#[test]
fn on_a_stack_that_is_too_small_no_policy_is_called_and_the_log_says_what_to_do() {
    // The C library may give a small thread the stack of a larger one that has ended: none of the
    // tests' has as much as this.
    let runtime = runtime_with(|options| options.stack = 2 << 20);
    let chain = chain_of(&runtime, &[("deep", policies::overflow_in(Callback::Get))]);
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let called = small.spawn(move || {
        let mut decision = None;
        let log = logged(|| decision = Some(decide_get(&chain, &mut ample())));
        (decision, log)
    });
    let (decision, log) = called.unwrap().join().unwrap();
    let objection = Objection { policy: "deep".into(), failure: Some(Failure::NoStack) };
    assert_eq!(decision, Some(GetDecision::FullHandshake(objection)));
    assert!(log.contains("KiB of stack left; expected 2112 KiB: give it a larger one"), "{log}");
}

#[test]
fn a_policy_that_has_used_up_the_budget_in_one_callback_is_not_called_in_the_next() {
    let runtime = runtime();
    let entered = |callback| {
        "(call $count_up (i32.const 1024) (i32.const 2) (i64.const 1)) (loop $forever (br $forever)) unreachable"
            .replace("$forever", &format!("$forever{}", callback as u8))
    };
    let module = Fixture::default()
        .once_live(Callback::Get, &entered(Callback::Get))
        .once_live(Callback::New, &entered(Callback::New))
        .data("in")
        .build();
    let chain = chain_of(&runtime, &[("loop", module)]);
    let mut budget = scarce();
    assert!(matches!(decide_get(&chain, &mut budget), GetDecision::FullHandshake(_)));
    assert_eq!(budget.remaining(), Duration::ZERO, "all of it is charged");
    assert!(matches!(decide_new(&chain, &mut budget), NewDecision::Refuse(_)));
    let policy = &chain.policies()[0];
    assert_eq!(policy.counters(), [("in".to_owned(), 1)]);
    assert_eq!(policy.status().failed(Failure::Deadline), 2);
}

#[test]
fn a_policy_whose_instances_cannot_be_made_any_more_fails_at_once() {
    // `configure` traps once a first call has said so in the policy's state.
    let module = Fixture::default()
        .once_live(
            Callback::Get,
            "(call $increment (i32.const 1024) (i32.const 4) (i64.const 1) (i32.const 0) (i32.const 512)) unreachable",
        )
        .configure(
            "(call $increment (i32.const 1024) (i32.const 4) (i64.const 0) (i32.const 0) (i32.const 512))
             (if (i64.gt_s (i64.load (i32.const 520)) (i64.const 0)) (then unreachable))
             (i32.store8 (i32.const 512) (i32.const 0)) (i32.const 512)",
        )
        .data("fail")
        .build();
    let policy = load(&runtime(), "barren", &module, "instances = 1").unwrap();
    let chain = Chain::new(vec![policy]);
    // A budget that outlasts anybody's patience: only the pool's word ends the wait.
    let ask =
        || chain.decide_get(&mut Budget::new(Duration::from_secs(86_400)), &connection(), &session(), &Notes::new()).1;
    assert_eq!(ask()[0].answer, Answer::FailedObjecting(Failure::Trap));
    assert_eq!(ask()[0].answer, Answer::FailedObjecting(Failure::Saturated));
}

#[test]
fn a_failed_call_is_logged_with_file_policy_generation_callback_and_backtrace() {
    let chain = chain_of(&runtime(), &[("trap", policies::trap_in(Callback::Get))]);
    let log = logged(|| {
        for _ in 0..3 {
            decide_get(&chain, &mut ample());
        }
    });
    let expected = [
        "a policy's call failed: correct the policy",
        "file=policies/10-trap.wasm",
        "policy=\"trap\"",
        "generation=1",
        "callback=\"get-session\"",
        "failure=\"trap\"",
        "wasm backtrace",
        "`unreachable`",
    ];
    for part in expected {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(log.lines().count(), log.matches("a policy's call failed").count(), "a line each: {log}");
}

#[test]
fn what_a_policy_logs_is_one_line_under_its_name() {
    let module = Fixture::default()
        .once_live(Callback::Get, "(call $log (i32.const 2) (i32.const 1024) (i32.const 11)) (i32.const 0)")
        .data("hello\nworld")
        .build();
    let chain = chain_of(&runtime(), &[("chatty", module)]);
    let log = logged(|| {
        decide_get(&chain, &mut ample());
    });
    assert_eq!(log.lines().count(), 1, "{log}");
    for part in ["WARN", "chatty (generation 1, policies/10-chatty.wasm)", "hello world"] {
        assert!(log.contains(part), "{part}: {log}");
    }
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
    // 128 KiB to begin with and 1 MiB more a call: the first call has outgrown half of what was
    // left, and a new instance takes its place before the third could be refused its memory.
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
    assert_eq!(calm.policies()[0].status().failures, [0; Failure::ALL.len()]);
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
    // It says so when it is in its call.
    let module = says_so_and_loops();
    let policy = load(&runtime, "loop", &module, "instances = 1").unwrap();
    let chain = Chain::new(vec![policy.clone()]);
    std::thread::scope(|scope| {
        let long = scope.spawn(|| decide_get(&chain, &mut Budget::new(Duration::from_secs(3))));
        while policy.counters().is_empty() {
            std::thread::yield_now();
        }
        let (_, asked) = chain.decide_get(&mut scarce(), &connection(), &session(), &Notes::new());
        assert_eq!(asked[0].answer, Answer::FailedObjecting(Failure::Saturated));
        assert!(matches!(long.join().unwrap(), GetDecision::FullHandshake(_)));
    });
    assert_eq!(policy.status().failed(Failure::Deadline), 1);
}

#[test]
fn a_policy_that_always_traps_keeps_answering_as_one_that_traps() {
    let chain = chain_of(&runtime(), &[("trap", policies::trap_in(Callback::Get))]);
    for _ in 0..50 {
        let (_, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
        assert_eq!(asked[0].answer, Answer::FailedObjecting(Failure::Trap));
    }
}
