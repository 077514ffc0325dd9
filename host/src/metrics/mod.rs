//! What is counted, and how it is read.
//!
//! - `counts`: what handshakes and policy calls add to: relaxed atomics, and nothing else, for they are on their way
//! - `histogram`: durations by size, counted the same way
//! - `export` (feature `metrics`): all of it for Prometheus; `families`: each metric's name, type, labels and meaning

#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "the exporter reads it"))]
mod counts;
#[cfg(feature = "metrics")]
mod export;
#[cfg(feature = "metrics")]
mod families;
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "the exporter reads it"))]
mod histogram;

#[cfg(feature = "metrics")]
pub(crate) use self::counts::VERDICTS;
pub(crate) use self::counts::{HandshakeCounts, PolicyCounts, VERSIONS};
#[cfg(feature = "metrics")]
pub use self::export::{CONTENT_TYPE, Metrics};
