//! What is counted, for Prometheus (feature `metrics`). It is counted where it happens: in
//! `handshake`, `policy` and the stores.
//!
//! - `export`: all of it in one text
//! - `families`: each metric's name, type, labels and meaning
//! - `figures`: times and verdicts, for a page to draw

#[cfg(feature = "metrics")]
mod export;
#[cfg(feature = "metrics")]
pub(crate) mod families;
#[cfg(feature = "metrics")]
mod figures;

#[cfg(all(feature = "metrics", feature = "agent"))]
pub(crate) use self::export::{Sheet, count, level};
#[cfg(feature = "metrics")]
pub use self::{
    export::{CONTENT_TYPE, Metrics},
    figures::{Calls, Figures, Spread},
};
