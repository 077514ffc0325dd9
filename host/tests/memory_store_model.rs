//! `store::Memory` beside a simple model of it, through thousands of random steps.

use crate::support;

use std::collections::HashMap;

use reprise::{
    session::SessionId,
    store::{Consume, Entry, Memory, Priority, Reach, RecordBytes, Removal, Store},
};
use support::store::*;

const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

/// SplitMix64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

struct Kept {
    record: RecordBytes,
    expires: u64,
    single_use: bool,
    priority: Priority,
    fetches: u32,
}

/// Whatever is done to it, the store holds what was put and has not left, and says of all that left why: the model learns
/// what was evicted from the observer alone, and then every answer must agree with it.
///
/// Gives how many were evicted.
fn agrees_with_a_model(capacity: usize, seed: u64) -> u64 {
    let prototype = prototype();
    let (sessions, prototypes) = (capacity - capacity / 4, capacity / 4);
    let (store, told) = observed(Memory::with_budgets(sessions, prototypes));
    let mut random = Random(seed);
    let mut model: HashMap<SessionId, Kept> = HashMap::new();
    let mut now = 0;
    for step in 0..30_000 {
        let id = id(random.below(2_000));
        let mut came = None;
        match random.below(100) {
            0..45 => {
                let kept = Kept {
                    record: RecordBytes::new(vec![
                        step as u8;
                        random.below(if step % 50 == 0 { 16_000 } else { 800 }) as usize
                    ]),
                    expires: now + random.below(3_000),
                    single_use: random.below(4) == 0,
                    priority: PRIORITIES[random.below(3) as usize],
                    fetches: 0,
                };
                let renewed = self::id(random.below(2_000));
                let entry = Entry {
                    record: kept.record.clone(),
                    expires: kept.expires,
                    single_use: kept.single_use,
                    renews: (random.below(4) == 0).then_some(renewed),
                    since: None,
                    priority: kept.priority,
                    reach: Reach::Node,
                    prototype: (random.below(4) == 0).then(|| prototype.clone()),
                };
                store.put(id, entry, now);
                came = Some((id, kept));
            }
            45..85 => {
                let consume = if random.below(4) == 0 { Consume::Always } else { Consume::Never };
                let found = fetch_with(&store, &id, consume, now);
                let known = model.get_mut(&id).filter(|known| known.expires > now);
                assert_eq!(found.is_some(), known.is_some(), "step {step}");
                if let (Some(found), Some(known)) = (found, known) {
                    assert_eq!(*found.record, *known.record, "step {step}");
                    assert_eq!(found.fetches, known.fetches, "step {step}");
                    assert_eq!(found.single_use, known.single_use, "step {step}");
                    assert_eq!(found.consumed, consume == Consume::Always, "step {step}");
                    // Looked at, a session for single use is not used.
                    known.fetches += u32::from(!known.single_use);
                    if found.wants_prototype {
                        store.keep_prototype(&id, prototype.clone());
                    }
                }
            }
            85..90 => {
                let known = model.remove(&id);
                assert_eq!(store.remove(&id).as_deref(), known.as_ref().map(|known| &*known.record), "step {step}");
            }
            90..95 => {
                let known = model.get(&id);
                assert_eq!(store.peek(&id).as_deref(), known.map(|known| &*known.record), "step {step}");
            }
            95..98 => now += random.below(30),
            _ => {
                store.maintain(now);
            }
        }
        for removed in told.lock().unwrap().drain(..) {
            let newcomer = came.as_ref().filter(|(id, _)| removed.id == *id && removed.why != Removal::Replaced);
            if newcomer.is_some() {
                let (_, kept) = came.take().unwrap();
                assert!(removed.why == Removal::Evicted || kept.expires <= now, "step {step}");
                continue;
            }
            let known = model.remove(&removed.id).expect("what left was there");
            assert_eq!(*removed.record, *known.record, "step {step}");
            match removed.why {
                Removal::Expired => assert!(known.expires <= now, "step {step}"),
                Removal::Evicted => {
                    assert!(
                        model.values().all(|other| other.priority as u8 >= known.priority as u8),
                        "step {step}: one of lower priority is still there"
                    );
                }
                Removal::Replaced => assert_eq!(came.as_ref().unwrap().0, removed.id, "step {step}"),
                Removal::Consumed => assert!(came.is_none(), "step {step}"),
                other => panic!("step {step}: {other:?}"),
            }
        }
        model.extend(came);
        let usage = store.usage();
        assert_eq!(usage.sessions, model.len() as u64, "step {step}");
        assert!(usage.bytes <= capacity as u64, "step {step}: {usage:?}");
        assert!(usage.prototypes as usize * prototype.weight() <= prototypes, "step {step}: {usage:?}");
    }
    store.usage().evicted
}

#[test]
fn a_roomy_store_agrees_with_a_model() {
    assert_eq!(agrees_with_a_model(16 << 20, 1), 0);
}

#[test]
fn a_crowded_store_agrees_with_a_model_told_of_evictions() {
    for seed in 0..4 {
        assert!(agrees_with_a_model(256 << 10, seed) > 1_000);
    }
}
