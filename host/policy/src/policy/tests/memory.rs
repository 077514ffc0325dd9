//! What the memories of all policies take together.

use std::time::Instant;

use reprise_fixtures::policies;

use super::*;
use crate::policy::{Answer, Failure, Step};

const MIB: usize = 1 << 20;

/// A runtime whose policies have so many MiB together, and up to four instances each.
fn runtime_of(mib: usize) -> Runtime {
    runtime_with(|options| {
        options.memory_of_all = mib * MIB;
        options.instances = 4;
        options.drain = Duration::from_millis(100);
    })
}

fn instances(policies: &[Arc<Policy>]) -> Vec<usize> {
    policies.iter().map(|policy| policy.status().instances).collect()
}

#[test]
fn policies_share_what_there_is_and_no_more() {
    let runtime = runtime_of(100);
    let module = policies::large(20);
    let load = |name: &str| load(&runtime, name, &module, "");
    let mut loaded = vec![load("a").unwrap()];
    assert_eq!((instances(&loaded), runtime.memory()), (vec![4], (80 * MIB, 100 * MIB)));
    // What the first can do without is given up, one by one, for what needs a first one.
    for name in ["b", "c", "d", "e"] {
        loaded.push(load(name).unwrap());
    }
    assert_eq!((instances(&loaded), runtime.memory().0), (vec![1; 5], 100 * MIB));
    let rejection = load("f").unwrap_err();
    assert_eq!(rejection.step, Step::Instantiate);
    let text = rejection.to_string();
    assert!(text.contains("104857600 bytes") && text.contains("--policy-memory"), "{text}");
    assert_eq!(instances(&loaded), [1; 5], "nobody lost anything for it");
    // Each of them answers.
    let (_, asked) = Chain::new(loaded).decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert!(asked.iter().all(|asked| matches!(asked.answer, Answer::Get(_))), "{asked:?}");
}

#[test]
fn what_policies_took_is_given_back() {
    let runtime = runtime_of(100);
    let chain =
        chain_of(&runtime, &[("a", policies::large(20)), ("b", policies::trap_in(reprise_fixtures::Callback::Get))]);
    for _ in 0..10 {
        decide_get(&chain, &mut ample());
    }
    let policies = chain.policies().to_vec();
    drop(chain);
    policies.iter().for_each(|policy| policy.retire());
    let given_up = Instant::now() + Duration::from_secs(60);
    while runtime.memory().0 > 0 {
        assert!(Instant::now() < given_up, "{} bytes are still taken", runtime.memory().0);
        std::thread::yield_now();
    }
}

#[test]
fn a_policy_that_begins_with_more_than_there_is_is_rejected() {
    let runtime = runtime_of(10);
    let calm = load(&runtime, "calm", &policies::no_opinion(), "").unwrap();
    load(&runtime, "large", &policies::large(20), "").unwrap_err();
    assert_eq!(calm.status().instances, 4);
}

#[test]
fn what_replaces_a_policy_waits_for_the_room_of_the_one_before() {
    let runtime = runtime_of(30);
    let module = policies::large(20);
    let first = load(&runtime, "a", &module, "").unwrap();
    first.retire();
    let second = load(&runtime, "a", &module, "").unwrap();
    assert_eq!((first.status().instances, second.status().instances), (0, 1));
}

#[test]
fn no_call_fails_for_want_of_memory_for_all() {
    let runtime = runtime_of(40);
    let ask =
        |chain: &Chain| chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new()).1[0].answer.clone();
    let module = policies::grows_then_traps(20);
    let chains = ["a", "b"].map(|name| Chain::new(vec![load(&runtime, name, &module, "instances = 1").unwrap()]));
    // Both grow beyond all that there is, and have no other instance: they are kept.
    assert!(chains.iter().all(|chain| matches!(ask(chain), Answer::Get(_))));
    assert_eq!(runtime.memory(), (42 * MIB, 40 * MIB));
    assert_eq!(ask(&chains[0]), Answer::FailedObjecting(Failure::Trap));
    // The one after it is made although it does not fit beside the other's.
    assert!(matches!(ask(&chains[0]), Answer::Get(_)));
    assert_eq!(runtime.memory(), (42 * MIB, 40 * MIB));
}

#[test]
fn where_memory_is_short_what_has_grown_is_replaced() {
    let runtime = runtime_of(42);
    let policy = load(&runtime, "grows", &policies::grows_then_traps(20), "instances = 2").unwrap();
    let _other = load(&runtime, "other", &policies::large(2), "instances = 1").unwrap();
    let chain = Chain::new(vec![policy.clone()]);
    // Each call is its instance's first: one that has grown is not called again.
    for _ in 0..5 {
        let (_, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
        assert!(matches!(asked[0].answer, Answer::Get(_)), "{asked:?}");
        while policy.status().instances < 2 {
            std::thread::yield_now();
        }
    }
}
