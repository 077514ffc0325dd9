//! A process that forks with a store in use: the child's store starts anew, the parent's goes on. A
//! program of its own, for a test harness has threads that do not survive a fork.

use std::time::Duration;

use reprise::{
    session::SessionId,
    store::{Consume, Entry, Fetch, Notice, Priority, Reach, RecordBytes, Redis, RedisOptions, Store},
};
use reprise_tests::{fork::in_child, redis::RedisServer, until};
use tokio::runtime::{Builder, Runtime};

fn main() {
    let server = RedisServer::start();
    let store = Redis::connect(&server.url(), RedisOptions::default()).unwrap();
    until("the parent puts and finds", || {
        put(&store, 1);
        found(&store, 1)
    });

    in_child("a child finds what its parent has put, and what it puts itself", || {
        until("the child finds", || found(&store, 1));
        until("the child puts", || {
            put(&store, 2);
            found(&store, 2)
        });
        let notice = Notice { bytes: vec![1], expires: 1 << 40 };
        let published = runtime().block_on(store.publish(notice, Duration::from_secs(1)).unwrap()).unwrap();
        assert_eq!(published.nodes.len(), 2, "the parent and the child are two nodes: {published:?}");
    });

    until("the parent finds what the child has put", || found(&store, 2));
}

fn put(store: &Redis, number: u8) {
    let entry = Entry {
        record: RecordBytes::new(vec![7; 100]),
        expires: 600,
        single_use: false,
        renews: None,
        since: None,
        priority: Priority::Normal,
        reach: Reach::Fleet,
        prototype: None,
    };
    store.put(SessionId::from([number; 32]), entry, 0);
}

fn found(store: &Redis, number: u8) -> bool {
    match store.fetch(&SessionId::from([number; 32]), Consume::Never, 0) {
        Fetch::Ready(answer) => matches!(answer, Ok(Some(_))),
        Fetch::Pending(answer) => matches!(runtime().block_on(answer), Ok(Some(_))),
    }
}

/// Without a thread of its own.
fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}
