use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use reprise_testing::TestStore;

use crate::Host;

#[test]
fn sessions_are_seen_to_after_a_panic() {
    let (store, maintained) = (TestStore::bare(), Arc::new(AtomicUsize::default()));
    let counted = Arc::clone(&maintained);
    store.maintaining(move || assert!(counted.fetch_add(1, Ordering::SeqCst) > 0, "as the test asks for"));
    let host = Host::builder().store(store).build().unwrap();
    let given_up = Instant::now() + Duration::from_secs(120);
    while maintained.load(Ordering::SeqCst) < 3 {
        assert!(Instant::now() < given_up, "it is maintained no more");
        thread::sleep(Duration::from_millis(1));
    }
    let vital = host.status().vitals.into_iter().find(|vital| vital.name == "reprise-removals").unwrap();
    assert_eq!((vital.restarts, vital.ended.as_deref()), (1, Some("it panicked: as the test asks for")));
}
