//! The threads of `store::Disk`: each that tells somebody of something is made to end, and is there again.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use reprise::store::{Consume, Store};
use support::{
    disk::*,
    store::{entry, id},
};

#[test]
fn a_store_writes_and_finds_after_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let told = Arc::new(AtomicUsize::new(0));
    let tell = Arc::clone(&told);
    store.observe_removals(Arc::new(move |_| {
        let before = tell.fetch_add(1, Ordering::SeqCst);
        assert!(before > 0, "as the test asks for");
    }));
    for number in 0..4 {
        store.put(id(number), entry(100), 0);
    }
    written(&store);
    // The writer tells of it before it answers.
    assert!(ask(&store, &id(0), Consume::Always, 1).is_err());
    // What was put while there was no writer is written by the next one, and nothing is given out twice.
    store.put(id(9), entry(100), 0);
    written(&store);
    assert!(fetch_with(&store, &id(0), Consume::Always, 1).is_none());
    for number in [1, 2, 3, 9] {
        assert!(fetch_with(&store, &id(number), Consume::Always, 1).is_some(), "{number}");
    }
    assert_eq!(told.load(Ordering::SeqCst), 5);
    let restarts: Vec<_> = store.vitals().into_iter().map(|vital| (vital.name, vital.restarts)).collect();
    assert!(restarts.contains(&("reprise-disk-w".into(), 1)), "{restarts:?}");
    assert!(restarts.iter().filter(|(_, restarts)| *restarts > 0).count() == 1, "{restarts:?}");
}
