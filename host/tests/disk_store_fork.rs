//! A process that has a store on disk, and forks. A program of its own, for a test harness has
//! threads that do not survive a fork.

mod support;

use std::process::ExitCode;

use reprise::store::{Consume, Disk, DiskError, DiskOptions, Fetch, FetchError, Store};
use reprise_tests::fork::in_child;
use support::{
    disk::*,
    store::{entry, id},
};

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let told = notices(&store);
    store.maintain(0);

    in_child("a store that was opened and not used yet is used by a child", || {
        store.put(id(1), entry(100), 0);
        store.put(id(2), entry(100), 0);
        written(&store);
        assert!(fetch(&store, &id(1)).is_some());
    });
    in_child("and by the next, which finds what the first one kept", || {
        assert!(fetch_with(&store, &id(1), Consume::Always, 0).is_some_and(|found| found.consumed));
        assert!(fetch(&store, &id(1)).is_none());
        let _ = publish(&store, notice(1, 1_000), PATIENCE / 60);
    });

    assert!(fetch(&store, &id(1)).is_none() && fetch(&store, &id(2)).is_some());
    assert_eq!(*told.lock().unwrap(), [notice(1, 1_000)]);
    println!("and by the parent, which hears what its children published ... ok");

    in_child("a store that its process has used answers a child at once, that it is unavailable there", || {
        for consume in [Consume::Never, Consume::Always] {
            let Fetch::Ready(Err(FetchError::Unavailable(why))) = store.fetch(&id(2), consume, 0) else { panic!() };
            assert!(why.to_string().contains("fork before the first handshake"), "{why}");
        }
        store.put(id(3), entry(100), 0);
        assert_eq!(store.usage().dropped, 1);
        assert!(store.remove(&id(2)).is_none() && store.peek(&id(2)).is_none());
        store.maintain(0);
        store.observe_notices(std::sync::Arc::new(|_| ()));
        assert!(block_on(store.publish(notice(2, 1_000), PATIENCE).unwrap()).is_err());
        let opened = Disk::open(dir.path(), DiskOptions::default());
        assert!(matches!(opened, Err(DiskError::Forked { .. })), "{opened:?}");
    });
    let mut store = Some(store);
    in_child("and goes there without waiting for threads that are not there", || drop(store.take()));
    let store = store.expect("it is the child's copy that went");
    assert!(fetch_with(&store, &id(2), Consume::Always, 0).is_some(), "the child took nothing");
    println!("the parent's store is as it was ... ok");
    ExitCode::SUCCESS
}
