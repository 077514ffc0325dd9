//! What the end-to-end tests share: the real server as a process, and clients that are not ours.
//!
//! # Layout
//!
//! - `built`: the programs and policies under test, found or asked for by the command that builds them
//! - `place`, `server`, `log`: a server's files, its process, and what it says
//! - `client`, `s_client`, `python`: the clients: the openssl crate, OpenSSL's own program, Python's `ssl`
//! - `visitors`: clients of other makes, such as Go's and Java's; `relay`: a wire that is listened in on
//! - `raw`: a stranger that writes its ClientHello byte by byte
//! - `certificates`, of the crate beside this one: CAs, and what they issue
//! - `fleet`: several servers as one service: nodes, a balancer, a load of clients, nginx to compare with
//! - `fork`: a forked child that a test is run in
//! - `modules`: an agent, and servers that nobody rebuilt with the module in them
//! - `running`: a server of a distribution's as a process; `nginx`: how that one is configured
//! - `redis`: real Redis servers, for hosts that share their sessions
//! - `report`: what `GET /connection` tells; `metrics`: what `GET /metrics` tells; `http`: a request in clear
//!
//! Nothing here sleeps for luck: a server is ready when it says so, a policy is live when the log says so, and whoever waits for
//! what never comes fails with the whole log.

#![deny(unsafe_code)]

pub mod built;
pub mod client;
pub mod fleet;
pub mod fork;
pub mod http;
mod log;
pub mod metrics;
pub mod modules;
pub mod nginx;
mod place;
pub mod python;
pub mod raw;
pub mod redis;
pub mod relay;
mod report;
mod running;
pub mod s_client;
mod server;
pub mod visitors;

use std::{
    thread,
    time::{Duration, Instant},
};

pub use reprise_testing::certificates;

pub use self::{
    client::{Client, Session, Visit},
    log::{Log, PATIENCE},
    place::Place,
    report::{PolicyReport, REQUEST, Report},
    running::Running,
    server::Server,
};

/// Between two looks at what no event tells of, so that what is looked at has the processor.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks whether something holds that no event tells of, again and again until it does.
///
/// # Panics
/// It does not within [`PATIENCE`].
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(PAUSE);
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Version {
    /// Those that the server serves.
    pub const BOTH: [Version; 2] = [Version::Tls12, Version::Tls13];

    /// As OpenSSL and Python name it.
    pub fn name(self) -> &'static str {
        match self {
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }
}
