//! What is counted, and how it is read.
//!
//! - `counts`: what handshakes and policy calls add to: relaxed atomics, and nothing else, for they are on their way
//! - `histogram`: durations by size, counted the same way
//! - `export` (feature `metrics`): all of it for Prometheus; `families`: each metric's name, type, labels and meaning

mod counts;
#[cfg(feature = "metrics")]
mod export;
#[cfg(feature = "metrics")]
mod families;
mod histogram;

pub use self::counts::{HandshakeCounts, PolicyCounts, VERDICTS, VERSIONS};
#[cfg(feature = "metrics")]
pub use self::export::{CONTENT_TYPE, Metrics};
