//! Several servers as one service, as a fleet runs them.
//!
//! # Layout
//!
//! - `nodes`: servers that share certificate, keyring and stores
//! - `balancer`: spreads connections over them, and knows which connection went where
//! - `load`: clients that come and go until they are told to end; `tally`: what became of their handshakes
//! - `wire`: what lies between the nodes and a store, to delay and garble answers
//! - `nginx`: the server that others run, to compare with
//! - `small_disk`: a file system that is full when it is told to be

mod balancer;
mod load;
mod nginx;
mod nodes;
#[cfg(target_os = "linux")]
mod small_disk;
mod tally;
mod wire;

#[cfg(target_os = "linux")]
pub use self::small_disk::SmallDisk;
pub use self::{
    balancer::{Balancer, Passed},
    load::{Customer, Load},
    nginx::Nginx,
    nodes::Fleet,
    tally::{Handshake, Tally},
    wire::Wire,
};

/// A runtime of one thread, for what moves bytes between others.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a thread can be started")
}
