//! Policies in shadow mode.

use std::time::Instant;

use reprise_fixtures::{Callback, policies};

use super::*;
use crate::policy::{
    About, Decided, ShadowCounts,
    wit::types::{Removal, RemoveVerdict},
};

/// Far beyond what any step takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a policy in shadow mode has counted, once that is `most` decisions.
fn counted(policy: &Policy, most: u64) -> ShadowCounts {
    let begun = Instant::now();
    loop {
        let counts = policy.shadow_counts();
        let ShadowCounts { agreed, would_have_refused, would_have_allowed, failed, dropped } = counts;
        if agreed + would_have_refused + would_have_allowed + failed + dropped >= most {
            return counts;
        }
        assert!(begun.elapsed() < PATIENCE, "{counts:?}");
        std::thread::yield_now();
    }
}

/// A chain of what decides and what does not, and the latter.
fn shadowed(runtime: &Runtime, live: &[u8], shadow: &[u8]) -> (Chain, Arc<Policy>) {
    let shadow = load(runtime, "shadow", shadow, "mode = \"shadow\"").unwrap();
    (Chain::new(vec![shadow.clone(), load(runtime, "live", live, "").unwrap()]), shadow)
}

/// Decides, and has what is in shadow mode asked about that.
fn decide_get(chain: &Chain, budget: &mut Budget) -> GetDecision {
    let (connection, candidate, notes) = (connection(), session(), Notes::new());
    let (decision, _) = chain.decide_get(budget, &connection, &candidate, &notes);
    let refused = matches!(decision, GetDecision::FullHandshake(_));
    chain.compare(&Arc::new(Decided { about: About::Get { connection, candidate, notes }, refused }));
    decision
}

fn decide_new(chain: &Chain, budget: &mut Budget) -> NewDecision {
    let (connection, session, notes) = (connection(), session(), Notes::new());
    let (decision, _) = chain.decide_new(budget, &connection, &session, &notes);
    let refused = matches!(decision, NewDecision::Refuse(_));
    chain.compare(&Arc::new(Decided { about: About::New { connection, session, notes }, refused }));
    decision
}

#[test]
fn a_policy_in_shadow_mode_is_compared_and_never_heard() {
    let runtime = runtime();
    let (chain, shadow) = shadowed(&runtime, &policies::no_opinion(), &policies::refuse_get());
    let (decision, asked) = chain.decide_get(&mut ample(), &connection(), &session(), &Notes::new());
    assert_eq!(decision, GetDecision::Resume { early_data: true });
    assert_eq!(asked.iter().map(|asked| &*asked.policy).collect::<Vec<_>>(), ["live"]);
    assert!(chain.compares());
    decide_get(&chain, &mut ample());
    assert_eq!(counted(&shadow, 1), ShadowCounts { would_have_refused: 1, ..ShadowCounts::default() });
}

#[test]
fn each_callback_is_compared() {
    let runtime = runtime();
    let (chain, shadow) = shadowed(&runtime, &policies::refuse_new(), &policies::no_opinion());
    decide_new(&chain, &mut ample());
    assert_eq!(counted(&shadow, 1), ShadowCounts { would_have_allowed: 1, ..ShadowCounts::default() });
    decide_get(&chain, &mut ample());
    assert_eq!(counted(&shadow, 2).agreed, 1);
    let (chain, shadow) = shadowed(&runtime, &policies::no_opinion(), &policies::forget_on_remove());
    let notes = Notes::new();
    let (verdict, _) = chain.decide_remove(&mut ample(), &id(), Some((&session(), &notes)), Removal::Unknown);
    assert_eq!(verdict, RemoveVerdict::HostDefault);
    let about = About::Remove { id: id(), session: Some((session(), notes)), why: Removal::Unknown };
    chain.compare(&Arc::new(Decided { about, refused: false }));
    assert_eq!(counted(&shadow, 1), ShadowCounts { would_have_refused: 1, ..ShadowCounts::default() });
}

#[test]
fn a_policy_in_shadow_mode_that_fails_fails_alone() {
    let runtime = runtime();
    let (chain, shadow) = shadowed(&runtime, &policies::no_opinion(), &policies::trap_in(Callback::Get));
    assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
    assert_eq!(counted(&shadow, 1), ShadowCounts { failed: 1, ..ShadowCounts::default() });
}

#[test]
fn decisions_that_find_the_queue_full_are_dropped_and_counted() {
    let runtime = runtime_with(|options| options.supervision.shadow_queue = 1);
    let (chain, shadow) = shadowed(&runtime, &policies::no_opinion(), &policies::loop_in(Callback::Get));
    for _ in 0..100 {
        assert_eq!(decide_get(&chain, &mut ample()), GetDecision::Resume { early_data: true });
    }
    let ShadowCounts { failed, dropped, .. } = counted(&shadow, 100);
    assert!(dropped > 0 && failed > 0 && failed + dropped == 100, "{failed} {dropped}");
}

#[test]
fn what_a_policy_in_shadow_mode_remembers_is_its_own() {
    let runtime = runtime();
    let module = policies::counts_in_state();
    let shadow = load(&runtime, "a", &module, "mode = \"shadow\"").unwrap();
    let live = load(&runtime, "a", &module, "").unwrap();
    let chain = Chain::new(vec![shadow.clone(), live]);
    for _ in 0..3 {
        decide_new(&chain, &mut ample());
    }
    counted(&shadow, 3);
    let NewDecision::Keep(terms) = decide_new(&chain, &mut ample()) else { panic!("refused") };
    assert_eq!(terms.lifetime, Some(4), "it counted its own calls only");
}

#[test]
fn a_policy_in_shadow_mode_that_misbehaves_is_not_asked_any_more() {
    let runtime = runtime();
    let (chain, shadow) = shadowed(&runtime, &policies::no_opinion(), &policies::trap_in(Callback::Get));
    shadow.supervise(Arc::new(|| {}));
    for asked in 1..=5 {
        decide_get(&chain, &mut ample());
        counted(&shadow, asked);
    }
    assert!(shadow.misbehaviour().is_some());
    for _ in 0..10 {
        decide_get(&chain, &mut ample());
    }
    assert_eq!(shadow.status().calls, 5);
}
