//! Handshakes on threads with little stack: OpenSSL's callbacks run on them, and policies under
//! those. A policy that has too little is not called; it never ends the process.

mod support;

use std::{
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, mpsc},
    thread,
};

use openssl::ssl::SslContext;
use reprise::{Host, policy::RuntimeOptions};
use reprise_fixtures::{Callback, policies as fixtures};
use support::*;

/// Two handshakes of each version on a thread with so much stack; the misses of each second one.
fn revisited(host: &Host, context: &SslContext, stack: usize) -> Vec<String> {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        let _end = end;
        loop {
            let (tell, told) = mpsc::channel();
            let ended = &ended;
            let serve = move || {
                // The C library gave it that of a larger thread that has ended. It keeps it, so
                // that another does not get it too.
                if own_stack() > stack + SLACK {
                    tell.send(None).unwrap();
                    let _ = ended.lock().unwrap().recv();
                    return;
                }
                let misses = VERSIONS.map(|version| {
                    let first = handshake(host, context, &Client::of(version));
                    handshake(host, context, &Client::of(version).offering(first.session())).miss()
                });
                tell.send(Some(misses.into())).unwrap();
            };
            thread::Builder::new().stack_size(stack).spawn_scoped(scope, serve).unwrap();
            if let Some(misses) = told.recv().expect("the thread ends well") {
                return misses;
            }
        }
    })
}

/// What a thread's stack may have beyond what was asked for.
const SLACK: usize = 48 << 10;

/// The size of this thread's stack, in bytes.
fn own_stack() -> usize {
    let mut attributes = MaybeUninit::uninit();
    let (mut address, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are of this thread, and are read once they were filled in.
    unsafe {
        assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()), 0);
        assert_eq!(libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size), 0);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    size
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
