use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::Host;
use reprise_session::session::SessionId;
use reprise_store::store::{Consume, Entry, Fetch, RecordBytes, Scope, Store, Usage};

/// A store that panics when it is maintained for the first time.
#[derive(Clone, Default)]
struct Panics(Arc<AtomicUsize>);

impl Store for Panics {
    fn scope(&self) -> Scope {
        Scope::Process
    }

    fn put(&self, _: SessionId, _: Entry, _: u64) {}

    fn fetch(&self, _: &SessionId, _: Consume, _: u64) -> Fetch {
        Fetch::Ready(Ok(None))
    }

    fn remove(&self, _: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn peek(&self, _: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn maintain(&self, _: u64) {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "as the test asks for");
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}

#[test]
fn sessions_are_seen_to_after_a_panic() {
    let store = Panics::default();
    let host = Host::builder().store(store.clone()).build().unwrap();
    let given_up = Instant::now() + Duration::from_secs(120);
    while store.0.load(Ordering::SeqCst) < 3 {
        assert!(Instant::now() < given_up, "it is maintained no more");
        thread::sleep(Duration::from_millis(1));
    }
    let vital = host.status().vitals.into_iter().find(|vital| vital.name == "reprise-removals").unwrap();
    assert_eq!((vital.restarts, vital.ended.as_deref()), (1, Some("it panicked: as the test asks for")));
}
