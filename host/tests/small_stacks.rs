//! Handshakes on threads with little stack: OpenSSL's callbacks run on them, and policies under those. A policy that has too
//! little is not called; it never ends the process.

mod support;

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use openssl::ssl::SslContext;
use reprise::{Host, policy::RuntimeOptions};
use reprise_fixtures::{Callback, policies as fixtures};
use support::*;

/// Two handshakes of each version on a thread with so much stack; the misses of each second one.
fn revisited(host: &Host, context: &SslContext, stack: usize) -> Vec<String> {
    // The C library may give a thread the stack of another that has ended, if it is not much larger. The idle ones have all such.
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        let end = end;
        for _ in 0..32 {
            let idle = || {
                let _ = ended.lock().unwrap().recv();
            };
            thread::Builder::new().stack_size(stack).spawn_scoped(scope, idle).unwrap();
        }
        let small = thread::Builder::new().stack_size(stack);
        let served = small.spawn_scoped(scope, || {
            let misses = VERSIONS.map(|version| {
                let first = handshake(host, context, &Client::of(version));
                handshake(host, context, &Client::of(version).offering(first.session())).miss()
            });
            misses.into()
        });
        let misses = served.unwrap().join().expect("the thread ends well");
        drop(end);
        misses
    })
}

#[test]
fn on_a_small_stack_a_recursion_without_end_is_a_miss() {
    let directory = policies::directory(&[("10-deep.wasm", fixtures::overflow_in(Callback::Get))]);
    let host = Host::builder().policies(directory.path()).build().unwrap();
    let context = installed(&host);
    for small in [64 << 10, 128 << 10, 192 << 10] {
        assert_eq!(revisited(&host, &context, small), ["policy-failed: deep: no-stack"; 2], "{small}");
    }
    assert_eq!(revisited(&host, &context, 512 << 10), ["policy-failed: deep: trap"; 2]);
}

#[test]
fn an_embedder_with_small_threads_gives_policies_less() {
    let directory = policies::directory(&[("10-calm.wasm", fixtures::no_opinion())]);
    let options = RuntimeOptions { stack: 16 << 10, ..RuntimeOptions::default() };
    let host = Host::builder().policies(directory.path()).runtime_options(options).build().unwrap();
    let context = installed(&host);
    assert_eq!(revisited(&host, &context, 160 << 10), ["none"; 2]);
}
