//! No secret of a session is left behind in memory that the host has freed. Alone in its process,
//! for the allocator's sake: it keeps every block that is freed while handshakes run, so that they
//! can be searched afterwards.
//!
//! What OpenSSL allocates is not seen here; it clears its own sessions (`SSL_SESSION_free`). Nor
//! are stacks and registers.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ptr, slice,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
};

use openssl::ssl::{SslSession, SslVerifyMode};
use reprise::{Host, Listener, store::Memory};
use reprise_fixtures::policies;
use support::{certificates, policies::directory, *};

const MOST: usize = 1 << 20;
/// Smaller ones hold neither a secret nor a name.
const SMALLEST: usize = 8;

struct Keeping;

static ARMED: AtomicBool = AtomicBool::new(false);
static KEPT: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: [(AtomicPtr<u8>, AtomicUsize); MOST] =
    [const { (AtomicPtr::new(ptr::null_mut()), AtomicUsize::new(0)) }; MOST];

thread_local! {
    /// The clients of the tests take sessions apart without clearing up.
    static CLIENT: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call is System's, with the arguments it came with, but that some blocks are never freed.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the one System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let client = CLIENT.try_with(Cell::get).unwrap_or(false);
        if ARMED.load(Ordering::Relaxed) && !client && layout.size() >= SMALLEST {
            let at = KEPT.fetch_add(1, Ordering::Relaxed);
            assert!(at < MOST, "more blocks than can be kept");
            BLOCKS[at].1.store(layout.size(), Ordering::Relaxed);
            return BLOCKS[at].0.store(pointer, Ordering::Release);
        }
        // SAFETY: the caller's promise is the one System asks for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static KEEPING: Keeping = Keeping;

fn freed_with(needle: &[u8]) -> usize {
    let kept = BLOCKS[..KEPT.load(Ordering::Acquire)].iter().filter(|(block, size)| {
        let (block, size) = (block.load(Ordering::Acquire), size.load(Ordering::Relaxed));
        // SAFETY: a block of this size that was freed and kept: nobody else uses it, and it is never unmapped.
        let content = unsafe { slice::from_raw_parts(block, size) };
        content.windows(needle.len()).any(|window| window == needle)
    });
    kept.count()
}

#[test]
fn no_secret_of_a_session_is_left_in_what_the_host_has_freed() {
    let policies = directory(&[("10-calm.wasm", policies::no_opinion())]);
    // So small that sessions are evicted and prototypes given up.
    let store = Memory::with_budgets(96 << 10, 24 << 10);
    let host = Host::builder().policies(policies.path()).store(store).tickets(2).build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        asking_for_certificates(context, SslVerifyMode::PEER);
    });
    // Its sessions are taken out of the store, in TLS 1.3 once their binder was checked.
    let once = directory(&[("10-once.wasm", policies::single_use())]);
    let spending = Host::builder().policies(once.path()).build().unwrap();
    let spends = installed(&spending);
    let identity = certificates::client("client 7", 30);
    let mut sessions: Vec<SslSession> = Vec::new();
    let client = |version| Client::of(version).adjusted(|_| CLIENT.set(true));

    ARMED.store(true, Ordering::SeqCst);
    for version in VERSIONS {
        for client in [client(version), client(version).identified(&identity), client(version).closing_uncleanly()] {
            let mut seen = handshake(&host, &context, &client);
            for _ in 0..4 {
                let again = handshake(&host, &context, &client.clone().offering(seen.session()));
                assert!(again.resumed, "{version:?}: {}", again.miss());
                sessions.extend(seen.sessions.iter().cloned());
                // A TLS 1.2 resumption makes no session.
                if !again.sessions.is_empty() {
                    seen = again;
                }
            }
        }
        for _ in 0..2 {
            let first = handshake(&spending, &spends, &client(version));
            let again = handshake(&spending, &spends, &client(version).offering(first.session()));
            assert!(again.resumed, "{version:?}: {}", again.miss());
            sessions.extend(first.sessions.into_iter().chain(again.sessions));
        }
        for _ in 0..40 {
            sessions.append(&mut handshake(&host, &context, &client(version).identified(&identity)).sessions);
        }
    }
    assert!(host.store_usage().evicted > 0, "the store was full: {:?}", host.store_usage());
    drop((context, spends));
    drop((host, spending));
    ARMED.store(false, Ordering::SeqCst);

    assert!(freed_with(b"a.example") > 100, "what is not secret is found in freed memory");
    for session in &sessions {
        let mut secret = vec![0; session.master_key_len()];
        session.master_key(&mut secret);
        assert_eq!(freed_with(&secret[..16]), 0, "a secret was left behind in freed memory");
    }
}
