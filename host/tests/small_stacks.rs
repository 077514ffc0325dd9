//! Handshakes on threads with little stack: OpenSSL's callbacks run on them, and policies under those. A policy that has too
//! little is not called; it never ends the process.

mod support;

use std::thread;

use openssl::ssl::SslContext;
use reprise::{Host, policy::RuntimeOptions};
use reprise_fixtures::{Callback, policies as fixtures};
use support::*;

/// Two handshakes on a thread with so much stack; the second one's miss.
fn revisited(host: &Host, context: &SslContext, client: &Client, stack: usize) -> String {
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(stack);
        let served = small.spawn_scoped(scope, || {
            let first = handshake(host, context, client);
            handshake(host, context, &client.clone().offering(first.session())).miss()
        });
        served.unwrap().join().expect("the thread ends well")
    })
}

#[test]
fn on_a_small_stack_a_recursion_without_end_is_a_miss() {
    // Its new-session answers where there is room for it.
    let directory = policies::directory(&[("10-deep.wasm", fixtures::overflow_in(Callback::Get))]);
    let host = Host::builder().policies(directory.path()).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let client = Client::of(version);
        for small in [64 << 10, 128 << 10, 192 << 10] {
            assert_eq!(revisited(&host, &context, &client, small), "policy-failed: deep: no-stack", "{small}");
        }
        assert_eq!(revisited(&host, &context, &client, 512 << 10), "policy-failed: deep: trap");
    }
}

#[test]
fn an_embedder_with_small_threads_gives_policies_less() {
    let directory = policies::directory(&[
        ("10-deep.wasm", fixtures::overflow_in(Callback::Remove)),
        ("20-calm.wasm", fixtures::no_opinion()),
    ]);
    let options = RuntimeOptions { stack: 16 << 10, ..RuntimeOptions::default() };
    let host = Host::builder().policies(directory.path()).runtime_options(options).build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        assert_eq!(revisited(&host, &context, &Client::of(version), 160 << 10), "none");
    }
}
