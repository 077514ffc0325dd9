//! HAProxy as distributions have it: in a chroot, as a user of its own.

use std::fs;

use super::{Guests, Running, Site, others::haproxy_with};

/// The same as [`haproxy`](super::haproxy), in an empty chroot.
pub fn haproxy_in_chroot(guests: &Guests, sites: &[Site<'_>]) -> Running {
    let root = guests.place().path("empty");
    fs::create_dir_all(&root).unwrap();
    haproxy_with(guests, sites, &format!("chroot {}\nuser haproxy\ngroup haproxy", root.display()))
}
