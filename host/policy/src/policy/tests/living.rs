//! The runtime's threads: each is made to end, and is there again.

use std::{thread, time::Instant};

use reprise_fixtures::policies;

use super::*;
use crate::policy::{About, Decided, wit::types::Removal};

/// A session that was given up, and retained.
fn given_up_for(why: Removal) -> Arc<Decided> {
    Arc::new(Decided { about: About::Remove { id: id(), session: None, why }, refused: false })
}

#[test]
fn the_runtimes_threads_live_on_after_a_panic() {
    let runtime = runtime();
    let shadow = load(&runtime, "shadow", &policies::forget_on_remove(), "mode = \"shadow\"").unwrap();
    let chain = Chain::new(vec![shadow.clone(), load(&runtime, "live", &says_so_and_loops(), "").unwrap()]);
    let given_up = Instant::now() + Duration::from_secs(120);
    for name in ["reprise-ticker", "reprise-upkeep", "reprise-shadow"] {
        runtime.strike(name);
        let restarts = || runtime.vitals().into_iter().find(|vital| vital.name == name).unwrap().restarts;
        while restarts() == 0 {
            assert!(Instant::now() < given_up, "{name} does not go on");
            // What the thread in shadow mode is woken by.
            chain.compare(&given_up_for(Removal::Unknown));
            thread::sleep(Duration::from_millis(1));
        }
    }
    // The clock ends a call that loops, upkeep makes an instance for the one that is spent, and who is in shadow mode
    // is compared.
    for _ in 0..8 {
        chain.decide_get(&mut scarce(), &connection(), &session(), &Notes::new());
    }
    let compared = shadow.shadow_counts();
    while shadow.shadow_counts() == compared {
        assert!(Instant::now() < given_up, "nothing is compared any more");
        chain.compare(&given_up_for(Removal::Unknown));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(runtime.vitals().iter().map(|vital| vital.restarts).collect::<Vec<_>>(), [1, 1, 1]);
}
