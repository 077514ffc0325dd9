//! The bytes that `store::Memory` says it holds are the bytes that it allocated. Alone in its process, for the counting
//! allocator's sake.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use reprise::{
    session::SessionId,
    store::{Entry, Memory, Priority, Reach, RecordBytes, Store},
};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is System's, with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the one System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the one System asks for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn id(number: u64) -> SessionId {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SessionId::from(bytes)
}

fn put(store: &Memory, number: u64) {
    let entry = Entry {
        record: RecordBytes::new(vec![7; 200 + number as usize % 300]),
        expires: 1,
        single_use: false,
        renews: number.is_multiple_of(3).then(|| id(number / 2)),
        since: None,
        priority: Priority::Normal,
        reach: Reach::Fleet,
        prototype: None,
    };
    store.put(id(number), entry, 0);
}

#[test]
fn usage_is_what_was_allocated_roomy_or_full() {
    for (capacity, sessions) in [(128 << 20, 100_000), (16 << 20, 100_000), (1 << 20, 10_000)] {
        let before = ALLOCATED.load(Ordering::Relaxed);
        let store = Memory::with_budgets(capacity, 0);
        for number in 0..sessions {
            put(&store, number);
        }
        let allocated = ALLOCATED.load(Ordering::Relaxed) - before;
        let usage = store.usage();
        println!("{} sessions: {allocated} bytes allocated, {usage:?}", usage.sessions);
        assert!(usage.bytes as usize <= capacity);
        let ratio = allocated as f64 / usage.bytes as f64;
        assert!((0.87..=1.0).contains(&ratio), "{allocated} allocated, {usage:?}");
        drop(store);
        // The test harness allocates a little on its own thread.
        assert!(ALLOCATED.load(Ordering::Relaxed) < before + 4096, "all of it is given back");
    }
}
