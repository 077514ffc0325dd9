//! From loading to draining.

use std::time::Instant;

use openssl::sha::sha256;
use reprise_fixtures::{Callback, Fixture, Keep, policies};

use super::*;
use crate::policy::{Answer, Failure, Terms};

/// Waits for what another thread does soon; fails if it does not.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn lifetime(decision: NewDecision) -> Option<u32> {
    match decision {
        NewDecision::Keep(Terms { lifetime, .. }) => lifetime,
        NewDecision::Refuse(objection) => panic!("refused by {objection:?}"),
    }
}

#[test]
fn a_policy_is_known_by_name_generation_file_and_hash() {
    let (runtime, module) = (runtime(), policies::no_opinion());
    let manifest = Manifest::default();
    let file = Path::new("policies/10-calm.wasm");
    let candidate = Candidate { file, name: "calm", generation: 3, module: &module, manifest: &manifest };
    let policy = runtime.load(candidate).unwrap();
    assert_eq!((policy.name(), policy.generation(), policy.file()), ("calm", 3, file));
    assert_eq!(*policy.hash(), sha256(&module), "what sha256sum says of the file");
    let configured = load(&runtime, "calm", &module, "instances = 1").unwrap();
    assert_ne!(policy.hash(), configured.hash(), "a changed NAME.toml is a changed policy");
    assert_eq!((policy.status().instances, configured.status().instances), (2, 1));
}

#[test]
fn settings_reach_every_instance() {
    let module = policies::note_from_settings("no zone");
    let chain = Chain::new(vec![load(&runtime(), "zone", &module, "[settings]\nzone = \"north\"").unwrap()]);
    for _ in 0..3 {
        let NewDecision::Keep(terms) = decide_new(&chain, &mut ample()) else { panic!("refused") };
        assert_eq!(terms.notes, [("zone".to_owned(), b"north".to_vec())]);
    }
}

#[test]
fn state_and_counters_outlive_an_instance_and_a_reload_but_not_the_name() {
    let (runtime, module) = (runtime(), policies::counts_in_state());
    let first = Chain::new(vec![load(&runtime, "count", &module, "").unwrap()]);
    assert_eq!(lifetime(decide_new(&first, &mut ample())), Some(1), "the probe counted on scratch state");
    assert_eq!(lifetime(decide_new(&first, &mut ample())), Some(2));
    drop(first);
    let second = Chain::new(vec![load(&runtime, "count", &module, "").unwrap()]);
    assert_eq!(lifetime(decide_new(&second, &mut ample())), Some(3));
    assert_eq!(second.policies()[0].counters(), [("calls".to_owned(), 3)]);
    let other = Chain::new(vec![load(&runtime, "other", &module, "").unwrap()]);
    assert_eq!(lifetime(decide_new(&other, &mut ample())), Some(1));
}

#[test]
fn a_retired_policy_answers_while_it_drains_and_is_gone_after() {
    let runtime = runtime_with(|options| options.drain = Duration::from_millis(300));
    let chain = chain_of(&runtime, &[("calm", policies::no_opinion())]);
    let policy = &chain.policies()[0];
    policy.retire();
    let (_, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert!(matches!(asked[0].answer, Answer::Get(_)), "{asked:?}");
    eventually("its instances go", || policy.status().instances == 0);
    let (decision, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert_eq!(asked[0].answer, Answer::FailedObjecting(Failure::Retired));
    assert!(matches!(decision, GetDecision::FullHandshake(_)));
}

#[test]
fn a_second_retirement_does_not_prolong_the_draining() {
    let runtime = runtime_with(|options| options.drain = Duration::from_millis(50));
    let chain = chain_of(&runtime, &[("calm", policies::no_opinion())]);
    let policy = &chain.policies()[0];
    eventually("its instances go, however often it is retired", || {
        policy.retire();
        policy.status().instances == 0
    });
}

#[test]
fn spent_instances_are_replaced() {
    let chain = chain_of(&runtime(), &[("trap", policies::trap_in(Callback::Get))]);
    let policy = &chain.policies()[0];
    for _ in 0..4 {
        assert!(matches!(decide_get(&chain, &mut ample()), GetDecision::FullHandshake(_)));
    }
    eventually("all instances are back", || policy.status().instances == 2);
}

#[test]
fn worn_instances_are_replaced_in_mid_service() {
    let runtime = runtime_with(|options| {
        options.max_calls = 4;
        options.max_age = Duration::from_millis(20);
    });
    let chain = chain_of(&runtime, &[("calm", policies::no_opinion())]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
                }
            });
        }
    });
    assert_eq!(chain.policies()[0].status().failures, [0; Failure::ALL.len()]);
}

#[test]
fn policies_outlive_the_runtime_that_loaded_them() {
    let runtime = runtime();
    let chain = chain_of(&runtime, &[("loop", policies::loop_in(Callback::Get))]);
    drop(runtime);
    for _ in 0..4 {
        let (_, asked) = chain.decide_get(&mut scarce(), &connection(), &session(), &Notes::new());
        assert!(
            matches!(asked[0].answer, Answer::FailedObjecting(Failure::Deadline | Failure::Saturated)),
            "still interrupted, still replaced: {asked:?}"
        );
    }
}

#[test]
fn the_last_policy_may_be_dropped_by_the_thread_that_tends_it() {
    // The runtime's clones are gone, and the upkeep thread is made busy with the policy when the last of it is let go.
    for _ in 0..50 {
        let chain = chain_of(&runtime(), &[("trap", policies::trap_in(Callback::Get))]);
        assert!(matches!(decide_get(&chain, &mut ample()), GetDecision::FullHandshake(_)));
        drop(chain);
    }
}

#[test]
fn more_policies_than_the_pool_was_made_for_are_rejected_not_fatal() {
    let runtime = runtime_with(|options| options.policies = 1);
    let module = policies::no_opinion();
    let mut loaded = Vec::new();
    let rejection = loop {
        match load(&runtime, &format!("p{}", loaded.len()), &module, "") {
            Ok(policy) => loaded.push(policy),
            Err(rejection) => break rejection,
        }
        assert!(loaded.len() < 100, "a pool without end");
    };
    assert!(loaded.len() >= 3 - 1, "live, draining and candidate have room: {rejection}");
    assert!(rejection.to_string().contains("pool"), "{rejection}");
    let chain = Chain::new(loaded);
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
}

#[test]
fn without_address_space_for_a_pool_policies_answer_all_the_same() {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -v 4000000 && exec \"$0\" --exact \"$@\""]);
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["policy::tests::decisions::terms_narrow_whatever_the_order", "--nocapture"]);
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn limits_beyond_reason_are_brought_within_it() {
    let runtime = runtime_with(|options| {
        options.drain = Duration::MAX;
        options.start = Duration::MAX;
        options.max_age = Duration::MAX;
        options.memory = usize::MAX;
        options.max_calls = 0;
        options.policies = usize::MAX;
        options.instances = 0;
    });
    let chain = chain_of(&runtime, &[("calm", policies::no_opinion())]);
    assert_eq!(decide_get(&chain, &mut Budget::new(Duration::MAX)), GetDecision::Resume { early_data: true });
    chain.policies()[0].retire();
    assert_eq!(decide_get(&chain, &mut Budget::new(Duration::MAX)), GetDecision::Resume { early_data: true });
}

#[test]
fn policies_load_and_answer_on_many_threads_at_once() {
    let runtime = runtime();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let runtime = &runtime;
            scope.spawn(move || {
                for _ in 0..3 {
                    let chain = chain_of(runtime, &[(&format!("p{thread}"), policies::counts_in_state())]);
                    assert!(lifetime(decide_new(&chain, &mut ample())).is_some());
                }
            });
        }
    });
}

#[test]
fn an_instance_has_answered_before_its_first_call_and_left_no_trace_of_that() {
    // Keeps for 100 s for each call of its instance before this one, and a second for each that its state has counted.
    let keep = Keep { lifetime: Some(0), ..Keep::default() }.wat().replace(
        "(i32.store (i32.const 8) (i32.const 0))",
        "(i32.store (i32.const 8)
           (i32.add (i32.mul (i32.const 100) (global.get $calls)) (i32.load (i32.const 520))))
         (global.set $calls (i32.add (global.get $calls) (i32.const 1)))",
    );
    let count = "(call $count_up (i32.const 1024) (i32.const 5) (i64.const 1))
        (call $log (i32.const 1) (i32.const 1024) (i32.const 5))
        (call $increment (i32.const 1024) (i32.const 5) (i64.const 1) (i32.const 0) (i32.const 512))";
    let fixture = Fixture::default().on(Callback::New, format!("{count}\n{keep}")).data("calls");
    let module = fixture.items("(global $calls (mut i32) (i32.const 0))").build();
    let runtime = runtime_with(|options| options.instances = 1);
    let mut chain = Chain::default();
    let said = logged(|| chain = chain_of(&runtime, &[("eager", module)]));
    assert_eq!(said.matches("calls").count(), 1, "one probe is heard, which is not a rehearsal: {said}");
    assert_eq!(lifetime(decide_new(&chain, &mut ample())), Some(101));
    assert_eq!(chain.policies()[0].counters(), [("calls".to_owned(), 1)]);
}
