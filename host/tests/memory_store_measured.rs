//! How fast `store::Memory` is with a million sessions, and how often a returning client finds its
//! session. Asserts nothing:
//! `cargo test --release -p reprise --test memory_store_measured -- --ignored --nocapture`.

use std::{hint::black_box, time::Instant};

use reprise::{
    session::SessionId,
    store::{Consume, Entry, Fetch, Memory, Priority, Reach, RecordBytes, Store},
};

const SESSIONS: u64 = 1_000_000;

/// Spread as the ids of sessions are.
fn id(number: u64) -> SessionId {
    let mut id = [0; 32];
    for (index, part) in id.chunks_mut(8).enumerate() {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(index as u32 * 16 + 7);
        part.copy_from_slice(&mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
    }
    SessionId::from(id)
}

fn entry() -> Entry {
    Entry {
        record: RecordBytes::new(vec![7; 300]),
        expires: 1_000,
        single_use: false,
        renews: None,
        since: None,
        priority: Priority::Normal,
        reach: Reach::Fleet,
        prototype: None,
    }
}

fn measure(what: &str, operations: u64, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    println!("{what:<50} {:>6} ns", start.elapsed().as_nanos() / u128::from(operations));
}

#[test]
#[ignore = "a measurement"]
fn with_a_million_sessions() {
    let store = Memory::with_budgets(1 << 30, 0);
    measure("making an entry and its record", SESSIONS, || {
        (0..SESSIONS).for_each(|_| drop(black_box(entry())));
    });
    measure("put, entry included, growing", SESSIONS, || (0..SESSIONS).for_each(|n| store.put(id(n), entry(), 0)));
    println!("{:?}", store.usage());
    let scattered = |n: u64| id(n.wrapping_mul(0x9e37_79b9) % SESSIONS);
    measure("fetch, found, in the order put", SESSIONS, || {
        (0..SESSIONS).for_each(|n| drop(black_box(store.fetch(&id(n), Consume::Never, 0))));
    });
    measure("fetch, found, scattered", SESSIONS, || {
        (0..SESSIONS).for_each(|n| drop(black_box(store.fetch(&scattered(n), Consume::Never, 0))));
    });
    measure("fetch, not found", SESSIONS, || {
        (0..SESSIONS).for_each(|n| drop(black_box(store.fetch(&id(SESSIONS + n), Consume::Never, 0))));
    });
    measure("fetch, found, two threads (per fetch of either)", 2 * SESSIONS, || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    (0..SESSIONS).for_each(|n| drop(black_box(store.fetch(&scattered(n), Consume::Never, 0))));
                });
            }
        });
    });
    measure("maintain, a sixteenth of the slots (per call)", 16, || (0..16).for_each(|_| store.maintain(0)));

    let full = Memory::with_budgets(64 << 20, 0);
    (0..SESSIONS).for_each(|n| full.put(id(n), entry(), 0));
    measure("put, entry included, full: evicting", SESSIONS, || {
        (SESSIONS..2 * SESSIONS).for_each(|n| full.put(id(n), entry(), 0));
    });
}

/// One handshake in ten is of one of 5,000 clients that return, the others of clients that never
/// do; there is room for about 12,000 sessions, so that 50,000 handshakes lie between two visits of
/// a client.
#[test]
#[ignore = "a measurement"]
fn how_often_a_returning_client_resumes() {
    const CLIENTS: usize = 5_000;
    for (what, each_time, told) in [
        ("TLS 1.2: one session, used again and again", false, true),
        ("TLS 1.3: a new session each time", true, true),
        ("TLS 1.3, the store not told that it was a resumption", true, false),
    ] {
        let store = Memory::with_budgets(6 << 20, 0);
        let mut last = vec![u64::MAX; CLIENTS];
        let (mut random, mut visits, mut resumed) = (1_u64, 0, 0);
        for handshake in 0..2_000_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if !(random >> 33).is_multiple_of(10) {
                store.put(id(handshake), entry(), 0);
                continue;
            }
            let last = &mut last[(random >> 40) as usize % CLIENTS];
            let found = matches!(store.fetch(&id(*last), Consume::Never, 0), Fetch::Ready(Ok(Some(_))));
            visits += 1;
            resumed += u64::from(found);
            let renewed = *last;
            if each_time || !found {
                *last = handshake;
                store.put(id(handshake), Entry { renews: (found && told).then(|| id(renewed)), ..entry() }, 0);
            }
        }
        println!("{what:<55} {:>3} % of {visits} visits", resumed * 100 / visits);
    }
}
