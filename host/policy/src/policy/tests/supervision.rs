//! Policies that misbehave in the sandbox, with somebody who supervises.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    time::Instant,
};

use reprise_fixtures::{Callback, Fixture, policies};

use super::*;
use crate::policy::{Answer, Failure, Misbehaviour, SupervisionOptions, WindowCounts};

const FAILURES: u32 = 5;
/// Far beyond what any step takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn await_that(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to that");
        std::thread::yield_now();
    }
}

/// A runtime whose policies are set aside after [`FAILURES`] within an hour.
fn strict() -> Runtime {
    runtime_with(|options| {
        let window = Duration::from_secs(3_600);
        options.supervision = SupervisionOptions { failures: FAILURES, window, ..SupervisionOptions::default() };
    })
}

/// A supervised policy, alone in its chain, and how often its alarm rang.
fn supervised(module: &[u8], manifest: &str) -> (Arc<Policy>, Chain, Arc<AtomicUsize>) {
    let policy = load(&strict(), "a", module, manifest).unwrap();
    let rung = Arc::<AtomicUsize>::default();
    let bell = Arc::clone(&rung);
    policy.supervise(Arc::new(move || {
        bell.fetch_add(1, Relaxed);
    }));
    (policy.clone(), Chain::new(vec![policy]), rung)
}

fn answer(chain: &Chain, budget: &mut Budget) -> Answer {
    chain.decide_get(budget, &connection(), &session(), &Notes::new()).1.swap_remove(0).answer
}

#[test]
fn a_policy_that_traps_too_often_is_not_called_again_and_rings_once() {
    let (policy, chain, rung) = supervised(&policies::trap_in(Callback::Get), "");
    for _ in 0..FAILURES {
        assert_eq!(rung.load(Relaxed), 0);
        assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Trap));
    }
    assert_eq!(rung.load(Relaxed), 1);
    assert!(matches!(policy.misbehaviour(), Some(Misbehaviour::Faults { faults: 5, .. })));
    for _ in 0..3 {
        assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Quarantined));
    }
    let status = policy.status();
    assert_eq!((status.calls, status.failed(Failure::Quarantined), rung.load(Relaxed)), (5, 3, 1));
}

#[test]
fn a_quarantined_policy_abstains_where_its_toml_says_so() {
    let (policy, chain, _) = supervised(&policies::refuse_get(), "on-failure = \"abstain\"");
    policy.set_aside();
    assert_eq!(answer(&chain, &mut ample()), Answer::FailedAbstaining(Failure::Quarantined));
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
}

#[test]
fn verdicts_that_are_not_valid_or_do_not_lift_are_faults() {
    for module in [policies::invalid_verdict_in(Callback::New), policies::unliftable_verdict()] {
        let (policy, chain, rung) = supervised(&module, "");
        (0..FAILURES).for_each(|_| drop(decide_new(&chain, &mut ample())));
        assert_eq!((rung.load(Relaxed), policy.window().faults), (1, FAILURES.into()));
    }
}

#[test]
fn a_policy_that_never_returns_is_set_aside_for_its_overruns() {
    let (policy, chain, rung) = supervised(&policies::loop_in(Callback::Get), "budget-ms = 2");
    for _ in 0..FAILURES {
        assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Deadline));
        // A new instance is on its way: what waits for it would be excused.
        await_that(|| policy.status().instances == 2);
    }
    assert_eq!((rung.load(Relaxed), policy.window()), (1, WindowCounts { faults: 0, overruns: 5, calls: 5 }));
}

#[test]
fn time_that_others_have_spent_is_no_failure_of_the_policys() {
    let runtime = strict();
    let looping = load(&runtime, "loop", &policies::loop_in(Callback::Get), "").unwrap();
    let calm = load(&runtime, "calm", &policies::no_opinion(), "").unwrap();
    calm.supervise(Arc::new(|| panic!("it has done nothing")));
    let chain = Chain::new(vec![looping, calm.clone()]);
    for _ in 0..2 * FAILURES {
        let (_, asked) = chain.decide_get(&mut scarce(), &connection(), &session(), &Notes::new());
        assert_eq!(asked[1].answer, Answer::FailedObjecting(Failure::Deadline));
    }
    assert_eq!(calm.window(), WindowCounts::default());
}

#[test]
fn a_call_that_finds_no_instance_is_no_failure_of_the_policys() {
    let module = says_so_and_loops();
    let (policy, chain, rung) = supervised(&module, "instances = 1");
    let (end, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            decide_get(&chain, &mut Budget::new(Duration::from_secs(5)));
            end.send(()).unwrap();
        });
        await_that(|| !policy.counters().is_empty());
        for _ in 0..2 * FAILURES {
            let saturated = Answer::FailedObjecting(Failure::Saturated);
            assert_eq!(answer(&chain, &mut Budget::new(Duration::from_millis(1))), saturated);
        }
    });
    ended.recv().unwrap();
    assert_eq!((rung.load(Relaxed), policy.window()), (0, WindowCounts { faults: 0, overruns: 1, calls: 1 }));
}

#[test]
fn a_policy_that_cannot_be_started_any_more_is_set_aside() {
    // Its instances count themselves, and the fourth does not start: two are made at first, after a
    // probe on scratch state.
    let configure = "(call $increment (i32.const 1024) (i32.const 1) (i64.const 1) (i32.const 0) (i32.const 600))
         (if (i64.gt_s (i64.load (i32.const 608)) (i64.const 3)) (then unreachable))
         (i32.store8 (i32.const 512) (i32.const 0)) (i32.const 512)";
    let module = Fixture::default().configure(configure).once_live(Callback::Get, "unreachable").data("n").build();
    let (policy, chain, rung) = supervised(&module, "");
    // Two traps, and two instances to be made anew.
    decide_get(&chain, &mut ample());
    decide_get(&chain, &mut ample());
    await_that(|| rung.load(Relaxed) == 1);
    assert!(matches!(policy.misbehaviour(), Some(Misbehaviour::Faults { faults: 5, .. })));
    assert!(policy.take_back().unwrap_err().contains("no new instance could be made"));
}

#[test]
fn a_policy_that_nobody_supervises_is_never_set_aside() {
    let chain = chain_of(&strict(), &[("trap", policies::trap_in(Callback::Get))]);
    for _ in 0..3 * FAILURES {
        assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Trap));
    }
    assert_eq!(chain.policies()[0].window(), WindowCounts::default());
}

#[test]
fn a_policy_that_was_set_aside_and_retired_is_warm_and_unburdened_when_it_is_back() {
    let runtime = runtime_with(|options| options.drain = Duration::ZERO);
    let policy = load(&runtime, "a", &policies::trap_in(Callback::Get), "").unwrap();
    policy.supervise(Arc::new(|| {}));
    let chain = Chain::new(vec![policy.clone()]);
    (0..FAILURES).for_each(|_| drop(decide_get(&chain, &mut ample())));
    policy.retire();
    await_that(|| policy.status().instances == 0);
    policy.take_back().unwrap();
    assert_eq!((policy.status().instances, policy.misbehaviour()), (2, None));
    assert_eq!(policy.window(), WindowCounts::default());
    for _ in 0..FAILURES {
        assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Trap));
    }
    assert_eq!(answer(&chain, &mut ample()), Answer::FailedObjecting(Failure::Quarantined));
}

#[test]
fn only_what_decides_about_no_less_and_is_no_more_lenient_stands_in() {
    let runtime = runtime();
    let of = |manifest: &str| load(&runtime, "a", &policies::no_opinion(), manifest).unwrap();
    let (whole, tenth, half) = (of(""), of("share = 10"), of("share = 50"));
    let (abstains, shadow) = (of("on-failure = \"abstain\""), of("mode = \"shadow\""));
    for (former, live, expected) in [
        (&whole, &whole, true),
        (&whole, &tenth, true),
        (&half, &tenth, true),
        (&tenth, &half, false),
        (&tenth, &whole, false),
        (&abstains, &whole, false),
        (&whole, &abstains, true),
        (&abstains, &abstains, true),
        (&shadow, &whole, false),
        (&whole, &shadow, false),
    ] {
        assert_eq!(former.stands_in_for(live), expected, "{:?} for {:?}", former.share(), live.share());
    }
}
