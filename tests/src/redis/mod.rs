//! Real Redis servers on loopback: alone, watched by Sentinels, and as a Cluster.
//!
//! Each has a directory and a free port of its own, writes nothing to disk unless asked to, and is
//! killed when it is dropped. It is ready once it has answered, as the process that was started.

mod cluster;
mod sentinel;
mod server;

use std::{
    thread,
    time::{Duration, Instant},
};

pub use self::{cluster::RedisCluster, sentinel::RedisSentinel, server::RedisServer};
use crate::PATIENCE;
pub(crate) use server::free_port;

/// Asks until it holds. Other processes are waited for, which need the processor more than who asks.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The value of `field:` in an answer of lines, as those of `INFO` and `CLUSTER INFO`.
fn field<'a>(answer: &'a str, field: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim)
}
