//! A service as this machine has it.
//!
//! - `unit`: what systemd says of it
//! - `nginx`, `apache`: what these two need beside
//! - `processes`: how it runs

pub(super) mod apache;
pub(super) mod nginx;
pub(super) mod processes;
pub(super) mod unit;
