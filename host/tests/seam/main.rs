//! The seam between OpenSSL's callbacks and decisions can be a socket: the tests of resumption once more, with each call turned into
//! bytes and back on its way to the host.

// `waiting` is a program of its own, too.
#![allow(clippy::duplicate_mod)]

mod bytes;
#[path = "../support/mod.rs"]
mod support;

#[path = "../early_data.rs"]
mod early_data;
#[path = "../facts_certificates.rs"]
mod facts_certificates;
#[path = "../facts_hello.rs"]
mod facts_hello;
#[path = "../facts_invariants.rs"]
mod facts_invariants;
#[path = "../facts_removal.rs"]
mod facts_removal;
#[path = "../facts_switching.rs"]
mod facts_switching;
#[path = "../facts_tickets.rs"]
mod facts_tickets;
#[path = "../resumption.rs"]
mod resumption;
#[path = "../revocation.rs"]
mod revocation;
#[path = "../second_hello.rs"]
mod second_hello;
#[path = "../strangers.rs"]
mod strangers;
#[path = "../waiting.rs"]
mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};

/// Hosts that were made so.
static HOSTS: AtomicUsize = AtomicUsize::new(0);

/// Each host of this program is behind bytes, from the first that a test makes.
// SAFETY: the C library calls what stands in this section before `main`, with arguments that a function without any ignores; it sets a
// static that needs no runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static BEHIND_BYTES: extern "C" fn() = {
    extern "C" fn behind_bytes() {
        reprise::fuzzing::stand_between(|host| {
            HOSTS.fetch_add(1, Ordering::Relaxed);
            bytes::between(host)
        });
    }
    behind_bytes
};

#[test]
fn every_host_here_is_behind_bytes() {
    drop(reprise::Host::builder().build().unwrap());
    assert!(HOSTS.load(Ordering::Relaxed) > 0);
}
