//! Several stores as one: where a session is kept, where it is consumed, what happens to copies.

use crate::support;

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use reprise::{
    Host,
    session::Keyring,
    store::{Answer, Consume, Entry, Fetch, Memory, Notice, Reach, Removal, Scope, Store, Tiers, TiersError},
};
use reprise_testing::TestStore;
use support::store::{entry, id, reasons};

/// A store of some scope.
fn tier(scope: Scope) -> TestStore {
    let tier = TestStore::of(scope).with_budget(1 << 20).telling_removals();
    if scope != Scope::Fleet {
        return tier;
    }
    tier.set_unheard(Duration::ZERO);
    tier.answering_who_waits()
}

/// It is out of reach, and has not heard of notices for so long.
fn down(tier: &TestStore, unheard: Duration) {
    tier.set_down(true);
    tier.set_unheard(unheard);
}

/// Memory, disk and a store of the fleet, and the three as one.
fn tiers() -> ([TestStore; 3], Tiers) {
    let tiers = [Scope::Process, Scope::Node, Scope::Fleet].map(tier);
    let all = tiers.iter().map(|tier| Arc::new(tier.clone()) as Arc<dyn Store>).collect();
    (tiers, Tiers::new(all, Duration::from_secs(30)).unwrap())
}

fn fetch(store: &Tiers, number: u64, consume: Consume, now: u64) -> Answer {
    match store.fetch(&id(number), consume, now) {
        Fetch::Ready(answer) => answer,
        Fetch::Pending(answer) => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer),
    }
}

fn held(tiers: &[TestStore; 3], number: u64) -> [bool; 3] {
    tiers.each_ref().map(|tier| tier.peek(&id(number)).is_some())
}

#[test]
fn a_session_is_kept_as_far_as_its_reach_and_one_for_single_use_at_home_only() {
    let (tiers, store) = tiers();
    for (number, reach, single_use, kept) in [
        (1, Reach::Fleet, false, [true, true, true]),
        (2, Reach::Node, false, [true, true, false]),
        (3, Reach::Fleet, true, [false, false, true]),
        (4, Reach::Node, true, [false, true, false]),
    ] {
        store.put(id(number), Entry { reach, single_use, ..entry(100) }, 0);
        assert_eq!(held(&tiers, number), kept, "{reach:?}, single use: {single_use}");
        assert!(fetch(&store, number, Consume::Never, 1).unwrap().is_some());
        assert!(fetch(&store, number, Consume::Always, 1).unwrap().is_some_and(|found| found.consumed));
        assert_eq!(held(&tiers, number), [false; 3]);
    }
}

#[test]
fn a_near_copy_answers_without_asking_further() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 0);
    assert!(fetch(&store, 1, Consume::Never, 1).unwrap().is_some());
    assert_eq!(tiers.each_ref().map(|tier| tier.seen.fetches()), [1, 0, 0]);
}

#[test]
fn what_was_found_further_away_leaves_a_copy_that_ends_when_it_does() {
    let (tiers, store) = tiers();
    tiers[2].put(id(1), entry(100), 0);
    assert!(fetch(&store, 1, Consume::Never, 900).unwrap().is_some());
    assert_eq!(held(&tiers, 1), [true; 3]);
    tiers[2].remove(&id(1));
    assert!(fetch(&store, 1, Consume::Never, 999).unwrap().is_some(), "not past its expiry");
    assert!(fetch(&store, 1, Consume::Never, 1_000).unwrap().is_none(), "the copy outlived it");
}

#[test]
fn nothing_that_was_consumed_leaves_a_copy() {
    let (tiers, store) = tiers();
    for (number, single_use) in [(1, true), (2, false)] {
        tiers[2].put(id(number), Entry { single_use, ..entry(100) }, 0);
        assert!(fetch(&store, number, Consume::Always, 1).unwrap().is_some());
        assert_eq!(held(&tiers, number), [false; 3]);
    }
}

/// What is looked at is found at home, and a copy in front of it would resume as often as it is offered.
#[test]
fn what_is_for_single_use_leaves_no_copy_when_looked_at() {
    let (tiers, store) = tiers();
    for (number, single_use) in [(1, true), (2, false)] {
        tiers[2].put(id(number), Entry { single_use, ..entry(100) }, 0);
        let found = fetch(&store, number, Consume::Never, 1).unwrap().unwrap();
        assert_eq!((found.consumed, found.single_use), (false, single_use));
        assert_eq!(held(&tiers, number), [!single_use, !single_use, true]);
    }
}

#[test]
fn what_is_to_be_consumed_is_decided_at_home_whatever_copies_there_are() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 0);
    tiers[2].remove(&id(1)); // Another node took it.
    assert!(fetch(&store, 1, Consume::Always, 1).unwrap().is_none());
    assert_eq!(held(&tiers, 1), [false; 3], "the copies went with it");
    store.put(id(2), entry(100), 0);
    assert!(fetch(&store, 2, Consume::Always, 1).unwrap().is_some_and(|found| found.consumed));
    assert!(fetch(&store, 2, Consume::Never, 1).unwrap().is_none());
    store.put(id(3), Entry { reach: Reach::Node, ..entry(100) }, 0);
    assert!(fetch(&store, 3, Consume::Always, 1).unwrap().is_some(), "home is the disk");
    assert!(fetch(&store, 3, Consume::Always, 1).unwrap().is_none());
}

#[test]
fn a_home_out_of_reach_gives_nothing_up_for_consumption_and_copies_for_a_while() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 100);
    store.put(id(2), entry(100), 100);
    down(&tiers[2], Duration::from_secs(40));
    assert!(fetch(&store, 1, Consume::Always, 110).is_err());
    assert!(fetch(&store, 2, Consume::Never, 130).unwrap().is_some(), "a young copy resumes");
    let old = fetch(&store, 2, Consume::Never, 131);
    assert!(old.is_err(), "a copy that may have been revoked resumed: {old:?}");
    down(&tiers[2], Duration::from_secs(1));
    assert!(fetch(&store, 2, Consume::Never, 131).unwrap().is_some(), "the store was heard from a second ago");
}

#[test]
fn what_comes_of_a_copy_while_its_home_is_out_of_reach_is_as_old_as_the_copy() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 100);
    let found = fetch(&store, 1, Consume::Never, 110).unwrap().unwrap();
    assert_eq!(found.since, Some(110), "it is not revoked, says its home");
    down(&tiers[2], Duration::from_secs(40));
    let found = fetch(&store, 1, Consume::Never, 120).unwrap().unwrap();
    assert_eq!(found.since, Some(100), "nobody knows");
    // A client that renews its session again and again does not make it younger.
    store.put(id(2), Entry { renews: Some(id(1)), since: found.since, ..entry(100) }, 120);
    assert!(fetch(&store, 2, Consume::Never, 130).unwrap().is_some());
    assert!(fetch(&store, 2, Consume::Never, 131).is_err());
    // Nor does a copy of a copy.
    tiers[0].remove(&id(1));
    assert!(fetch(&store, 1, Consume::Never, 130).unwrap().is_some());
    assert!(tiers[0].peek(&id(1)).is_some());
    tiers[1].remove(&id(1));
    assert!(fetch(&store, 1, Consume::Never, 131).is_err());
}

#[test]
fn a_home_that_was_never_reached_vouches_for_nothing() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 100);
    down(&tiers[2], Duration::MAX);
    assert!(fetch(&store, 1, Consume::Never, 130).unwrap().is_some());
    assert!(fetch(&store, 1, Consume::Never, 131).is_err(), "an old copy resumed");
}

#[test]
fn a_session_consumed_or_removed_elsewhere_loses_its_copies_here() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 0);
    let tell = tiers[2].invalidations();
    tell(&id(1));
    assert_eq!(held(&tiers, 1), [false, false, true]);
}

#[test]
fn a_nearer_store_whose_removals_wait_does_not_hold_up_the_one_that_tells_of_a_session_gone() {
    let (tiers, store) = tiers();
    gone_while_a_nearer_one_hangs(&tiers);
    drop(store);
    // Behind the guards and seals of a host, too, and where what is nearer is several stores.
    let tiers = [Scope::Process, Scope::Node, Scope::Fleet].map(tier);
    let near = tiers[..2].iter().map(|tier| Arc::new(tier.clone()) as Arc<dyn Store>).collect();
    let near = Tiers::new(near, Duration::ZERO).unwrap();
    let host = Host::builder().store(near).store(tiers[1].clone()).store(tiers[2].clone());
    let _host = host.keyring(Keyring::random().unwrap()).build().unwrap();
    gone_while_a_nearer_one_hangs(&tiers);
}

fn gone_while_a_nearer_one_hangs(tiers: &[TestStore; 3]) {
    tiers.iter().for_each(|tier| tier.put(id(1), entry(100), 0));
    let tell = tiers[2].invalidations();
    let _hangs = tiers[1].hang();
    let (ended, waits) = mpsc::channel();
    thread::spawn(move || {
        tell(&id(1));
        let _ = ended.send(()); // The test has failed.
    });
    assert_eq!(waits.recv_timeout(Duration::from_secs(10)), Ok(()), "it waits for the nearer one");
    assert_eq!(held(tiers, 1), [false, false, true]);
}

#[test]
fn a_session_removed_is_removed_everywhere() {
    let (tiers, store) = tiers();
    store.put(id(1), entry(100), 0);
    assert_eq!(store.remove(&id(1)).map(|record| record.len()), Some(100));
    assert_eq!(held(&tiers, 1), [false; 3]);
    assert!(store.remove(&id(1)).is_none());
}

#[test]
fn a_copy_that_goes_is_no_session_that_goes() {
    let (tiers, store) = tiers();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    store.observe_removals(Arc::new(move |removed| tell.lock().unwrap().push(removed)));
    store.put(id(1), entry(100), 0);
    let _ = tiers[0].fetch(&id(1), Consume::Always, 1);
    assert_eq!(reasons(&told), []);
    let _ = tiers[2].fetch(&id(1), Consume::Always, 1);
    assert_eq!(reasons(&told), [(id(1), Removal::Consumed)]);
    store.put(id(2), Entry { reach: Reach::Node, ..entry(100) }, 0);
    let _ = tiers[1].fetch(&id(2), Consume::Always, 1);
    assert_eq!(reasons(&told), [(id(2), Removal::Consumed)]);
}

#[test]
fn the_notices_of_every_tier_are_told_together() {
    let (tiers, store) = tiers();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    store.observe_notices(Arc::new(move |notices| *tell.lock().unwrap() = notices));
    let notice = |byte| Notice { bytes: vec![byte], expires: 10 };
    for (tier, byte) in [(1, 1), (2, 2)] {
        let observer = tiers[tier].notices();
        observer(vec![notice(byte)]);
    }
    assert_eq!(*told.lock().unwrap(), [notice(1), notice(2)]);
}

#[test]
fn tiers_in_the_wrong_order_are_refused_by_number() {
    let tier = |scope| Arc::new(tier(scope)) as Arc<dyn Store>;
    let wrong = Tiers::new(vec![tier(Scope::Process), tier(Scope::Fleet), tier(Scope::Node)], Duration::ZERO);
    assert_eq!(wrong.err(), Some(TiersError::Order { number: 3 }));
    assert_eq!(Tiers::new(Vec::new(), Duration::ZERO).err(), Some(TiersError::None));
}

#[test]
fn a_host_takes_no_store_that_others_can_see_without_a_keyring() {
    for scope in [Scope::Node, Scope::Fleet] {
        let host = || Host::builder().store(tier(Scope::Process)).store(tier(scope));
        let refused = host().build().unwrap_err().to_string();
        assert!(refused.contains("keyring") && refused.contains("reprise keys new"), "{scope:?}: {refused}");
        assert!(host().keyring(Keyring::random().unwrap()).build().is_ok(), "{scope:?}");
    }
    assert!(Host::builder().store(tier(Scope::Process)).store(Memory::default()).build().is_ok());
}
