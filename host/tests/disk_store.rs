//! What `store::Disk` promises, seen from outside. What only several processes show is in `disk_store_processes.rs`, and what
//! files it takes in `disk_store_opening.rs`.

use crate::support;

use std::{
    fs,
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use reprise::{
    session::SessionId,
    store::{Consume, Disk, DiskOptions, Entry, FetchError, Priority, Reach, RecordBytes, Removal, Store},
};
use support::{
    disk::*,
    store::{entry, id, reasons},
};

#[test]
fn what_is_put_is_found_before_it_is_written_and_after_and_by_the_store_that_comes_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let put = Entry { record: RecordBytes::new(vec![9; 16_384]), reach: Reach::Node, ..entry(0) };
    store.put(id(1), put, 100);
    let check = |store: &Disk, fetches| {
        let found = fetch_with(store, &id(1), Consume::Never, 300).unwrap();
        assert_eq!((found.record.len(), found.reach, found.consumed), (16_384, Reach::Node, false));
        assert_eq!((found.remaining, found.since, found.fetches), (Some(700), Some(100), fetches));
        assert!(fetch(store, &id(2)).is_none());
    };
    check(&store, 0);
    written(&store);
    check(&store, 1);
    drop(store);
    let next = open(dir.path());
    assert_eq!(next.usage().sessions, 1);
    // How often it was found was not written in the meantime.
    check(&next, 0);
}

#[test]
fn what_was_put_just_before_a_store_goes_is_there_for_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..1_000).for_each(|number| store.put(id(number), entry(100), 0));
    drop(store);
    let next = open(dir.path());
    assert!((0..1_000).all(|number| fetch(&next, &id(number)).is_some()));
}

#[test]
fn of_racing_fetches_that_consume_exactly_one_finds_the_session_written_or_not() {
    const THREADS: usize = 4;
    const ROUNDS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    // Two of one process are to each other as two processes are.
    let stores = [open(dir.path()), open(dir.path())];
    let told = stores.each_ref().map(removals);
    let found: Vec<AtomicU32> = (0..ROUNDS).map(|_| AtomicU32::new(0)).collect();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, found, store) = (&barrier, &found, &stores[thread % 2]);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let single_use = round % 2 == 0;
                    if thread == 0 {
                        store.put(id(round), Entry { single_use, ..entry(100) }, 0);
                        // Every third one is taken out of the queue.
                        if !round.is_multiple_of(3) {
                            written(store);
                        }
                    }
                    barrier.wait();
                    if let Some(session) = fetch_with(store, &id(round), Consume::Always, 0) {
                        assert!(session.consumed);
                        found[round as usize].fetch_add(1, Ordering::Relaxed);
                    }
                    barrier.wait();
                    assert!(fetch(store, &id(round)).is_none(), "round {round}");
                }
            });
        }
    });
    let found: Vec<u32> = found.iter().map(|found| found.load(Ordering::Relaxed)).collect();
    // One that was queued may come after the other store was asked.
    assert!(found.iter().all(|found| *found == 1), "{found:?}");
    let told: Vec<_> = told.iter().flat_map(|told| reasons(told)).collect();
    assert_eq!(told.len() as u64, ROUNDS);
    assert!(told.iter().all(|(_, why)| *why == Removal::Consumed));
}

#[test]
fn looking_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for single_use in [true, false] {
        store.put(id(1), Entry { single_use, ..entry(100) }, 0);
        for written_before in [false, true] {
            if written_before {
                written(&store);
            }
            let found = fetch_with(&store, &id(1), Consume::Never, 0).unwrap();
            assert_eq!((found.consumed, found.single_use), (false, single_use));
        }
        let taken = fetch_with(&store, &id(1), Consume::Always, 0).unwrap();
        assert_eq!((taken.consumed, taken.single_use), (true, single_use));
        assert!(fetch_with(&store, &id(1), Consume::Never, 0).is_none());
    }
}

#[test]
fn a_fetch_that_consumes_needs_no_wait_for_the_puts_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1_000..5_000).for_each(|number| store.put(id(number), entry(100), 0));
    store.put(id(1), Entry { single_use: true, ..entry(100) }, 0);
    store.put(id(1), Entry { single_use: true, ..entry(101) }, 0);
    let taken = fetch_with(&store, &id(1), Consume::Always, 0);
    assert_eq!(taken.map(|found| (found.record.len(), found.consumed)), Some((101, true)));
    assert!(fetch(&store, &id(1)).is_none());
    written(&store);
    assert!(fetch(&store, &id(1)).is_none(), "what was taken out of the queue was written all the same");
}

#[test]
fn nothing_is_given_out_at_its_expiry_or_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for written_before in [false, true] {
        for (number, consume) in [(1, Consume::Never), (2, Consume::Always)] {
            store.put(id(number), entry(100), 0);
            if written_before {
                written(&store);
            }
            assert!(fetch_with(&store, &id(number), consume, 1_000).is_none());
        }
        assert!(fetch_with(&store, &id(1), Consume::Never, 999).is_some());
    }
    let told = removals(&store);
    store.put(id(3), entry(100), 1_000);
    assert_eq!(reasons(&told), [(id(3), Removal::Expired)]);
    assert!(fetch(&store, &id(3)).is_none());
}

#[test]
fn what_has_expired_is_given_up_by_maintenance_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let told = removals(&store);
    for number in 0..1_000 {
        let priority = [Priority::Low, Priority::Normal, Priority::High][number as usize % 3];
        store.put(id(number), Entry { expires: 100 + number % 2, priority, ..entry(100) }, 0);
    }
    written(&store);
    assert_eq!(store.usage().sessions, 1_000);
    store.maintain(100);
    until("expired sessions stay", || store.usage().sessions == 500);
    until("not all are told of", || store.usage().expired == 500);
    assert!((0..1_000).all(|number| store.peek(&id(number)).is_some() == (number % 2 == 1)));
    assert!(reasons(&told).iter().all(|(_, why)| *why == Removal::Expired));
}

#[test]
fn what_was_removed_is_not_given_out_and_its_record_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()), open(dir.path()));
    let told = removals(&store);
    for written_before in [false, true] {
        store.put(id(1), entry(100), 0);
        if written_before {
            written(&store);
        }
        assert_eq!(store.peek(&id(1)).map(|record| record.len()), Some(100));
        store.remove(&id(1));
        assert!(fetch(&store, &id(1)).is_none() && store.peek(&id(1)).is_none());
        written(&store);
        assert!(fetch(&store, &id(1)).is_none() && fetch(&other, &id(1)).is_none());
    }
    // Written or not, whoever removes it is given its record; a busy machine may take longer than is waited for.
    for _ in 0..100 {
        until("its record is given", || {
            store.put(id(1), entry(100), 0);
            store.remove(&id(1)).is_some_and(|record| record.len() == 100)
        });
    }
    assert!(reasons(&told).iter().all(|(_, why)| *why == Removal::Replaced));
    assert!(store.remove(&id(2)).is_none());
}

#[test]
fn what_is_forgotten_is_not_given_out_and_nobody_waits_for_the_disk_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..1_000).for_each(|number| store.put(id(number), entry(100), 0));
    written(&store);
    let beside = beside(dir.path());
    beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    (0..999).for_each(|number| store.forget(&id(number)));
    // Removals would wait for 5 ms each at least.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let there = || (0..1_000).filter(|number| fetch(&store, &id(*number)).is_some()).eq([999]);
    assert!(there());
    beside.execute_batch("ROLLBACK").unwrap();
    written(&store);
    assert!(there() && store.usage().sessions == 1);
}

#[test]
fn while_another_process_holds_the_file_multi_use_sessions_are_found_and_removed_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..3).for_each(|number| store.put(id(number), entry(100), 0));
    written(&store);
    let beside = beside(dir.path());
    beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.put(id(3), entry(100), 0);
    assert_eq!(store.remove(&id(0)).as_deref(), None, "its record is not known yet");
    assert!(fetch(&store, &id(0)).is_none());
    assert!(fetch(&store, &id(1)).is_some() && fetch(&store, &id(3)).is_some());
    let taken = ask(&store, &id(1), Consume::Always, 0);
    assert!(
        matches!(&taken, Err(FetchError::Unavailable(why)) if why.to_string().contains("another process")),
        "{taken:?}"
    );
    assert!(fetch(&store, &id(1)).is_some(), "what could not be taken is there");
    beside.execute_batch("ROLLBACK").unwrap();
    written(&store);
    assert_eq!(store.usage().dropped, 0);
    let next = open(dir.path());
    assert!(fetch(&next, &id(0)).is_none() && fetch(&next, &id(3)).is_some());
}

#[test]
fn what_the_queue_has_no_room_for_is_dropped_and_counted_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let told = removals(&store);
    let beside = beside(dir.path());
    beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    (0..20_000).for_each(|number| store.put(id(number), entry(10), 0));
    let dropped = store.usage().dropped;
    assert!(dropped >= 20_000 - 16_384, "{dropped}");
    assert_eq!(reasons(&told).len() as u64, dropped);
    (20_000..20_010).for_each(|number| store.put(id(number), entry(4 << 20), 0));
    beside.execute_batch("ROLLBACK").unwrap();
    written(&store);
    assert_eq!(store.usage().sessions + store.usage().dropped, 20_010);
}

#[test]
fn a_store_that_is_full_stays_within_its_size_and_gives_up_low_priority_and_early_expiry_first() {
    const SIZE: u64 = 2 << 20;
    let dir = tempfile::tempdir().unwrap();
    let store = Disk::open(dir.path(), DiskOptions { size: SIZE }).unwrap();
    let put = |number: u64, priority, expires| {
        store.put(spread(number), Entry { priority, expires, ..entry(300) }, 0);
    };
    (0..500).for_each(|number| put(number, Priority::High, 1_000));
    (500..1_000).for_each(|number| put(number, Priority::Low, 100_000));
    for number in 1_000..20_000 {
        put(number, Priority::Normal, 10_000 + number);
        if number.is_multiple_of(500) {
            written(&store);
            let length = fs::metadata(dir.path().join("sessions.sqlite")).unwrap().len();
            assert!(length <= SIZE && store.usage().bytes <= SIZE, "{length} bytes");
        }
    }
    written(&store);
    let there = |numbers: std::ops::Range<u64>| numbers.filter(|number| store.peek(&spread(*number)).is_some()).count();
    assert_eq!((there(0..500), there(500..1_000)), (500, 0), "of high priority, and of low");
    let usage = store.usage();
    assert!(usage.evicted > 10_000 && usage.dropped == 0, "{usage:?}");
    assert!(usage.sessions > 1_500, "{usage:?}");
    let kept = usage.sessions - 500;
    assert_eq!(there(20_000 - kept..20_000) as u64, kept, "those that expire last stay");
}

#[test]
fn a_newcomer_of_low_priority_pushes_out_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = Disk::open(dir.path(), DiskOptions { size: 1 << 20 }).unwrap();
    (0..1_000).for_each(|number| store.put(spread(number), Entry { priority: Priority::High, ..entry(300) }, 0));
    written(&store);
    for number in 10_000..20_000 {
        store.put(spread(number), Entry { priority: Priority::Low, expires: 2_000, ..entry(300) }, 0);
        if number.is_multiple_of(1_000) {
            written(&store);
        }
    }
    written(&store);
    assert!((0..1_000).all(|number| store.peek(&spread(number)).is_some()));
}

#[test]
fn a_session_of_before_the_machine_started_resumes_and_is_never_consumed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.put(id(1), entry(100), 0);
    store.put(id(2), Entry { single_use: true, ..entry(100) }, 0);
    store.put(id(3), entry(100), 0);
    written(&store);
    assert_eq!(beside(dir.path()).execute("UPDATE sessions SET boot = boot + 1", []), Ok(3));
    assert!(fetch(&store, &id(1)).is_some());
    for number in [2, 3] {
        assert!(fetch_with(&store, &id(number), Consume::Always, 0).is_none());
        assert!(fetch(&store, &id(number)).is_none(), "nor is it given out once a fetch was to consume it");
    }
}

#[test]
fn fetches_are_counted_for_every_process() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()), open(dir.path()));
    store.put(id(1), entry(100), 0);
    written(&store);
    (0..3).for_each(|fetches| assert_eq!(fetch(&store, &id(1)).unwrap().fetches, fetches));
    store.maintain(0);
    until("the other one does not hear of them", || fetch(&other, &id(1)).unwrap().fetches >= 3);
}

#[test]
fn who_finds_a_session_was_told_of_every_notice_published_before_it_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()), open(dir.path()));
    let told = notices(&other);
    for round in 0..50 {
        let (single_use, consume) = if round % 2 == 0 { (true, Consume::Always) } else { (false, Consume::Never) };
        let owner = if round % 3 == 0 { &other } else { &store };
        owner.put(id(1), Entry { single_use, ..entry(100) }, 0);
        if round % 3 != 0 {
            written(owner);
        }
        let _ = publish(&store, notice(round, 1_000), Duration::ZERO);
        assert!(fetch_with(&other, &id(1), consume, 0).is_some());
        assert_eq!(told.lock().unwrap().last(), Some(&notice(round, 1_000)));
        store.remove(&id(1));
        written(&store);
    }
}

#[test]
fn what_is_committed_stays_committed_where_the_notices_cannot_be_read_and_what_was_taken_is_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let told = removals(&store);
    store.put(id(1), entry(100), 0);
    store.put(id(2), Entry { single_use: true, ..entry(100) }, 0);
    written(&store);
    let beside = beside(dir.path());
    let unreadable = "BEGIN IMMEDIATE; ALTER TABLE notices RENAME TO elsewhere; UPDATE store SET notices = 7; COMMIT";
    beside.execute_batch(unreadable).unwrap();
    store.put(id(3), entry(100), 0);
    written(&store);
    let there = |number| {
        let there = "SELECT count(*) FROM sessions WHERE id = ?1";
        beside.query_row(there, [id(number).as_bytes()], |row| row.get::<_, u32>(0)).unwrap() == 1
    };
    assert!(there(3) && store.usage().dropped == 0 && reasons(&told).is_empty(), "{:?}", reasons(&told));
    let taken = ask(&store, &id(1), Consume::Always, 0);
    assert!(matches!(taken, Err(FetchError::Unavailable(_))), "it may be revoked: {taken:?}");
    assert!(!there(1), "it is spent");
    store.remove(&id(2));
    written(&store);
    assert!(!there(2));
    assert_eq!(reasons(&told), [(id(1), Removal::Consumed)]);
    beside.execute_batch("ALTER TABLE elsewhere RENAME TO notices").unwrap();
    assert!(fetch(&store, &id(1)).is_none() && fetch(&store, &id(2)).is_none());
    assert!(fetch_with(&store, &id(3), Consume::Always, 0).is_some());
}

#[test]
fn a_notice_is_published_once_every_process_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()), open(dir.path()));
    let (ours, theirs) = (notices(&store), notices(&other));
    let alone = publish(&store, notice(1, 1_000), PATIENCE);
    assert!(matches!(&*alone, [node] if node.knows), "{alone:?}");
    other.put(id(1), entry(100), 0);
    until("they do not hear of each other", || {
        publish(&store, notice(1, 1_000), Duration::ZERO).iter().filter(|node| node.heard < 5).count() == 2
    });
    let nodes = publish(&store, notice(2, 1_000), PATIENCE);
    assert!(nodes.len() == 2 && nodes.iter().all(|node| node.knows), "{nodes:?}");
    let all = [notice(1, 1_000), notice(2, 1_000)];
    assert_eq!((&**ours.lock().unwrap(), &**theirs.lock().unwrap()), (all.as_slice(), all.as_slice()));
}

#[test]
fn notices_outlive_the_store_that_published_them_until_they_expire() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _ = publish(&store, notice(1, 100), Duration::ZERO);
    let _ = publish(&store, notice(2, 200), Duration::ZERO);
    drop(store);
    let store = open(dir.path());
    let told = notices(&store);
    assert_eq!(*told.lock().unwrap(), [notice(1, 100), notice(2, 200)], "told as soon as somebody is there to tell");
    let _ = fetch(&store, &id(1));
    store.maintain(100);
    until("it does not expire", || *told.lock().unwrap() == [notice(2, 200)]);
}

#[test]
fn what_another_process_consumed_or_removed_is_told_of_and_what_this_one_did_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()), open(dir.path()));
    let (ours, theirs) = (invalidations(&store), invalidations(&other));
    (1..4).for_each(|number| store.put(id(number), entry(100), 0));
    written(&store);
    // It looks for changes from the time on when it was first used.
    assert!(fetch(&other, &id(1)).is_some());
    until("it has not looked yet", || {
        store.put(id(9), entry(100), 0);
        written(&store);
        store.remove(&id(9));
        theirs.try_iter().any(|gone| gone == id(9))
    });
    assert!(fetch_with(&store, &id(1), Consume::Always, 0).is_some());
    store.remove(&id(2));
    let gone = || theirs.recv_timeout(PATIENCE).unwrap();
    let next = std::iter::repeat_with(gone).find(|gone| *gone != id(9));
    assert_eq!((next, gone()), (Some(id(1)), id(2)));
    other.remove(&id(3));
    assert_eq!(ours.recv_timeout(PATIENCE), Ok(id(3)));
    assert!(ours.try_iter().next().is_none());
}

#[test]
fn a_store_says_how_long_ago_it_was_heard_from() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _ = fetch(&store, &id(1));
    let before = Instant::now();
    let _ = fetch(&store, &id(1));
    assert!(store.notices_age().unwrap() <= before.elapsed() + Duration::from_millis(1));
}

/// Spread as the ids of sessions are.
fn spread(number: u64) -> SessionId {
    let mut id = [0; 32];
    for (index, part) in id.chunks_mut(8).enumerate() {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(index as u32 * 16 + 7);
        part.copy_from_slice(&mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
    }
    SessionId::from(id)
}
