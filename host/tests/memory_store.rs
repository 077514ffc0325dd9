//! What `store::Memory` promises, seen from outside.

use crate::support;

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU32, Ordering},
};

use reprise::{
    Prototype,
    store::{Consume, Entry, Memory, Priority, Removal, Store},
};
use support::store::*;

const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

#[test]
fn what_is_put_is_given_out_with_the_count_of_earlier_fetches() {
    let store = Memory::default();
    store.put(id(1), entry(100), 0);
    for fetches in 0..3 {
        let found = fetch(&store, &id(1)).unwrap();
        assert_eq!((&*found.record, found.fetches, found.consumed), ([7; 100].as_slice(), fetches, false));
    }
    assert!(fetch(&store, &id(2)).is_none());
}

#[test]
fn of_racing_fetches_that_consume_exactly_one_finds_it() {
    const THREADS: usize = 4;
    const ROUNDS: u64 = 1_000;
    let (store, told) = observed(Memory::default());
    let barrier = Barrier::new(THREADS);
    let found: Vec<AtomicU32> = (0..ROUNDS).map(|_| AtomicU32::new(0)).collect();
    for round in 0..ROUNDS {
        store.put(id(round), Entry { single_use: round % 2 == 0, ..entry(100) }, 0);
    }
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    barrier.wait();
                    if let Some(session) = take(&store, &id(round)) {
                        assert!(session.consumed);
                        found[round as usize].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(found.iter().all(|found| found.load(Ordering::Relaxed) == 1));
    assert_eq!(store.usage().sessions, 0);
    let told = reasons(&told);
    assert_eq!(told.len() as u64, ROUNDS);
    assert!(told.iter().all(|(_, why)| *why == Removal::Consumed));
}

#[test]
fn looking_takes_nothing_and_is_no_use_of_a_single_use() {
    let (store, told) = observed(Memory::default());
    store.put(id(1), Entry { single_use: true, ..entry(100) }, 0);
    store.put(id(2), entry(100), 0);
    for (number, single_use) in [(1, true), (2, false)] {
        for before in 0..3 {
            let found = fetch_with(&store, &id(number), Consume::Never, 0).unwrap();
            let expected = if single_use { 0 } else { before };
            assert_eq!((found.consumed, found.single_use, found.fetches), (false, single_use, expected));
            assert!(!(single_use && found.wants_prototype));
        }
    }
    assert_eq!(reasons(&told), []);
    assert_eq!(take(&store, &id(1)).map(|found| (found.consumed, found.fetches)), Some((true, 0)));
    assert_eq!(reasons(&told), [(id(1), Removal::Consumed)]);
}

#[test]
fn nothing_is_given_out_at_its_expiry_or_later() {
    let (store, told) = observed(Memory::default());
    store.put(id(1), entry(100), 0);
    assert!(fetch_with(&store, &id(1), Consume::Never, 999).is_some());
    assert!(fetch_with(&store, &id(1), Consume::Never, 1_000).is_none());
    store.put(id(2), entry(100), 1_000);
    assert_eq!(reasons(&told), [(id(1), Removal::Expired), (id(2), Removal::Expired)]);
    assert_eq!((store.usage().sessions, store.usage().expired), (0, 2));
}

#[test]
fn maintenance_gives_up_all_that_has_expired_and_nothing_else() {
    let store = Memory::with_capacity(32 << 20);
    for number in 0..20_000 {
        store.put(id(number), Entry { expires: 100 + number % 2, ..entry(100) }, 0);
    }
    for _ in 0..16 {
        store.maintain(100);
    }
    assert_eq!((store.usage().sessions, store.usage().expired), (10_000, 10_000));
    assert!((0..20_000).all(|number| store.peek(&id(number)).is_some() == (number % 2 == 1)));
}

#[test]
fn what_leaves_is_told_of_once_and_with_its_reason_unless_it_was_removed() {
    let (store, told) = observed(Memory::with_capacity(1 << 20));
    store.put(id(1), entry(100), 0);
    store.put(id(1), entry(101), 0);
    assert_eq!(told.lock().unwrap()[0].record.len(), 100);
    assert_eq!(reasons(&told), [(id(1), Removal::Replaced)]);
    assert_eq!(store.remove(&id(1)).unwrap().len(), 101);
    assert_eq!(store.remove(&id(1)).as_deref(), None);
    assert_eq!(reasons(&told), []);
}

#[test]
fn the_observer_may_use_the_store() {
    let store = Arc::new(Memory::default());
    let inner = store.clone();
    store.observe_removals(Arc::new(move |removed| {
        if removed.why == Removal::Replaced {
            inner.put(removed.id, entry(1), 0);
        }
        assert!(inner.usage().bytes > 0);
    }));
    store.put(id(1), entry(1), 0);
    assert!(take(&store, &id(1)).is_some());
}

#[test]
fn peeking_is_not_use() {
    let store = Memory::default();
    store.put(id(1), entry(100), 0);
    assert_eq!(store.peek(&id(1)).unwrap().len(), 100);
    assert_eq!(take(&store, &id(1)).unwrap().fetches, 0);
    assert_eq!(store.peek(&id(1)).as_deref(), None);
}

#[test]
fn an_entry_larger_than_its_shard_is_given_up_and_pushes_out_nobody() {
    let (store, told) = observed(Memory::with_capacity(64 << 10));
    store.put(id(1), entry(100), 0);
    store.put(id(2), entry(64 << 10), 0);
    assert_eq!(reasons(&told), [(id(2), Removal::Evicted)]);
    assert!(fetch(&store, &id(1)).is_some());
}

#[test]
fn sessions_that_resume_outlast_a_flood_of_sessions_that_do_not() {
    let store = Memory::with_budgets(1 << 20, 0);
    let (resume, flood) = (0..500, 1_000..100_000);
    for number in resume.clone() {
        store.put(id(number), entry(300), 0);
        fetch(&store, &id(number)).unwrap();
    }
    for number in flood {
        store.put(id(number), entry(300), 0);
    }
    assert!(store.usage().evicted > 90_000);
    assert_eq!(resume.filter(|number| store.peek(&id(*number)).is_some()).count(), 500);
}

#[test]
fn sessions_made_in_a_resumption_outlast_a_flood_before_their_first_use() {
    let store = Memory::with_budgets(1 << 20, 0);
    for number in 0..500 {
        store.put(id(number), Entry { renews: Some(id(u64::MAX)), ..entry(300) }, 0);
    }
    for number in 1_000..100_000 {
        store.put(id(number), entry(300), 0);
    }
    assert_eq!((0..500).filter(|number| store.peek(&id(*number)).is_some()).count(), 500);
}

#[test]
fn the_clients_that_come_back_now_take_the_place_of_those_that_did_once() {
    let store = Memory::with_budgets(1 << 20, 0);
    for number in 0..20_000 {
        store.put(id(number), Entry { renews: Some(id(u64::MAX)), ..entry(300) }, 0);
    }
    let held: Vec<u64> = (0..20_000).filter(|number| store.peek(&id(*number)).is_some()).collect();
    assert!(held.len() > 1_000);
    assert_eq!(held[0], 20_000 - held.len() as u64, "the oldest went first");
}

#[test]
fn a_session_that_was_renewed_goes_before_any_that_was_not_unless_it_is_used_again() {
    let (store, told) = observed(Memory::with_budgets(64 << 10, 0));
    (0..100).for_each(|number| store.put(id(number), entry(300), 0));
    for (number, fetches) in [(70, 1), (80, 2), (90, 1)] {
        (0..fetches).for_each(|_| drop(fetch(&store, &id(number))));
        store.put(id(1_000 + number), Entry { renews: Some(id(number)), ..entry(300) }, 0);
    }
    drop(fetch(&store, &id(90)));
    assert_eq!(reasons(&told), []);
    (2_000..2_100).for_each(|number| store.put(id(number), entry(300), 0));
    assert_eq!(reasons(&told)[0], (id(70), Removal::Evicted));
    assert!([80, 90, 1_070, 1_080, 1_090].iter().all(|number| store.peek(&id(*number)).is_some()));
}

#[test]
fn clients_that_renew_their_sessions_have_room_for_one_each_and_not_for_the_used_ones() {
    let store = Memory::with_budgets(1 << 20, 0);
    let (clients, rounds) = (1_000, 20);
    (0..clients).for_each(|client| store.put(id(client), entry(300), 0));
    for round in 1..rounds {
        for client in 0..clients {
            let old = id((round - 1) * clients + client);
            assert!(fetch(&store, &old).is_some(), "client {client} in round {round}");
            store.put(id(round * clients + client), Entry { renews: Some(old), ..entry(300) }, 0);
        }
    }
}

#[test]
fn all_of_low_priority_goes_before_any_of_normal_and_that_before_any_of_high() {
    for newcomer in PRIORITIES {
        let (store, told) = observed(Memory::with_budgets(256 << 10, 0));
        for (index, priority) in PRIORITIES.into_iter().enumerate() {
            for number in 0..100 {
                store.put(id(index as u64 * 1_000 + number), Entry { priority, ..entry(300) }, 0);
            }
        }
        // The most useful of low priority goes before the least useful of normal priority.
        (0..100).for_each(|number| drop(fetch(&store, &id(number))));
        assert_eq!(reasons(&told), []);
        for number in 10_000..20_000 {
            store.put(id(number), Entry { priority: newcomer, ..entry(300) }, 0);
        }
        let left = |index: usize| (0..100).filter(|n| store.peek(&id(index as u64 * 1_000 + n)).is_some()).count();
        let newcomer = PRIORITIES.iter().position(|priority| *priority == newcomer).unwrap();
        for index in 0..3 {
            if index < newcomer {
                assert_eq!(left(index), 0, "{newcomer} against {index}");
            }
            if index > newcomer {
                assert_eq!(left(index), 100, "{newcomer} against {index}");
            }
        }
    }
}

#[test]
fn a_store_full_of_higher_priority_gives_up_the_newcomer() {
    let (store, told) = observed(Memory::with_budgets(64 << 10, 0));
    for number in 0..1_000 {
        store.put(id(number), Entry { priority: Priority::High, ..entry(300) }, 0);
    }
    let (sessions, _) = (store.usage().sessions, reasons(&told));
    store.put(id(5_000), Entry { priority: Priority::Low, ..entry(300) }, 0);
    store.put(id(5_001), entry(300), 0);
    assert_eq!(reasons(&told), [(id(5_000), Removal::Evicted), (id(5_001), Removal::Evicted)]);
    assert_eq!(store.usage().sessions, sessions);
}

#[test]
fn a_prototype_is_wanted_from_the_second_hit_on_and_kept_once_given() {
    let (store, prototype) = (Memory::default(), prototype());
    store.put(id(1), entry(100), 0);
    assert!(!fetch(&store, &id(1)).unwrap().wants_prototype);
    let found = fetch(&store, &id(1)).unwrap();
    assert!(found.wants_prototype && found.prototype.is_none());
    store.keep_prototype(&id(1), prototype.clone());
    let found = fetch(&store, &id(1)).unwrap();
    assert!(!found.wants_prototype && found.prototype.is_some());

    store.put(id(2), Entry { prototype: Some(prototype.clone()), ..entry(100) }, 0);
    assert!(fetch(&store, &id(2)).unwrap().prototype.is_some());

    store.keep_prototype(&id(3), prototype);
    assert_eq!(store.usage().prototypes, 2, "one of a session that is not there is not kept");
    store.remove(&id(1));
    store.remove(&id(2));
    assert_eq!(store.usage().prototypes, 0);
}

#[test]
fn no_prototype_is_wanted_where_none_can_be_kept_or_the_session_is_gone() {
    let (none, store) = (Memory::with_budgets(1 << 20, 0), Memory::default());
    none.put(id(1), entry(100), 0);
    none.keep_prototype(&id(1), prototype());
    assert!((0..64).all(|_| !fetch(&none, &id(1)).unwrap().wants_prototype));
    assert_eq!(none.usage().prototypes, 0);

    store.put(id(1), entry(100), 0);
    drop(fetch(&store, &id(1)));
    assert!(!take(&store, &id(1)).unwrap().wants_prototype);
}

#[test]
fn prototypes_stay_within_their_budget_and_push_out_each_other_but_no_session() {
    let prototype = prototype();
    let budget = 20 * prototype.weight();
    let store = Memory::with_budgets(1 << 20, budget);
    for number in 0..500 {
        store.put(id(number), Entry { prototype: Some(prototype.clone()), ..entry(300) }, 0);
        assert!(store.usage().prototypes <= 20);
    }
    let usage = store.usage();
    assert_eq!((usage.sessions, usage.prototypes, usage.evicted), (500, 20, 0));
}

#[test]
fn prototypes_that_are_used_outlast_a_flood_of_prototypes_that_are_not() {
    let prototype = prototype();
    let store = Memory::with_budgets(1 << 20, 20 * prototype.weight());
    for number in 0..10 {
        store.put(id(number), Entry { prototype: Some(prototype.clone()), ..entry(100) }, 0);
        drop(fetch(&store, &id(number)));
    }
    for number in 1_000..3_000 {
        store.put(id(number), Entry { prototype: Some(prototype.clone()), ..entry(100) }, 0);
    }
    assert!((0..10).all(|number| fetch(&store, &id(number)).unwrap().prototype.is_some()));
}

#[test]
fn the_prototype_of_a_renewed_session_goes_before_those_of_others() {
    let prototype = prototype();
    let store = Memory::with_budgets(1 << 20, 10 * prototype.weight());
    let with_prototype = || Entry { prototype: Some(prototype.clone()), ..entry(100) };
    for number in 0..10 {
        store.put(id(number), with_prototype(), 0);
        drop(fetch(&store, &id(number)));
    }
    store.put(id(100), Entry { renews: Some(id(5)), ..with_prototype() }, 0);
    let without: Vec<u64> = (0..10).filter(|n| fetch(&store, &id(*n)).unwrap().prototype.is_none()).collect();
    assert_eq!(without, [5]);
    assert!(fetch(&store, &id(100)).unwrap().prototype.is_some());
}

#[test]
fn clients_without_a_certificate_that_return_push_out_no_prototype_of_one_that_has_one() {
    let (dear, cheap) = (prototype(), prototype_without_certificate());
    assert!(dear.has_certificate() && !cheap.has_certificate() && dear.weight() > cheap.weight());
    let store = Memory::with_budgets(1 << 20, 20 * dear.weight());
    let renewing = |number: u64, prototype: &Prototype| {
        store.put(id(number), entry(100), 0);
        drop(fetch(&store, &id(number)));
        let renewal = Entry { renews: Some(id(number)), prototype: Some(prototype.clone()), ..entry(100) };
        store.put(id(number + 1), renewal, 0);
    };
    (0..10).for_each(|client| renewing(2 * client, &dear));
    (1_000..1_500).for_each(|client| renewing(2 * client, &cheap));
    let lives = |client: u64| fetch(&store, &id(2 * client + 1)).unwrap().prototype.is_some();
    assert!((0..10).all(lives));
    assert!((1_480..1_500).all(lives), "they have the room that is left");
}

#[test]
fn a_session_hit_most_pushes_out_a_prototype_that_is_not_hit() {
    let prototype = prototype();
    let store = Memory::with_budgets(1 << 20, 10 * prototype.weight());
    for number in 0..10 {
        store.put(id(number), Entry { prototype: Some(prototype.clone()), ..entry(100) }, 0);
    }
    store.put(id(100), entry(100), 0);
    let wanted: Vec<usize> = (1..=20).filter(|_| fetch(&store, &id(100)).unwrap().wants_prototype).collect();
    assert_eq!(wanted, [4, 8, 16], "full: not on every hit");
    store.keep_prototype(&id(100), prototype);
    assert!(fetch(&store, &id(100)).unwrap().prototype.is_some());
    assert_eq!(store.usage().prototypes, 10);
}

#[test]
fn shards_fill_alike() {
    const CAPACITY: usize = 32 << 20;
    let store = Memory::with_budgets(CAPACITY, 0);
    let mut put = 0;
    while store.usage().evicted == 0 {
        (put..put + 100).for_each(|number| store.put(id(number), entry(300), 0));
        put += 100;
    }
    let bytes = store.usage().bytes as usize;
    assert!(bytes > CAPACITY * 85 / 100, "{bytes} bytes held when the first shard was full");
}
