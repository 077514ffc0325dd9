//! Stores that outlive a process, on real servers.
//!
//! One program rather than one for each file: they share what they link.

mod redis;
