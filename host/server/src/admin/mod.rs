//! What an operator asks a running server: how it is doing, and what is to become of its policies.
//!
//! One set of resources over HTTP/1.1, at two places:
//!
//! - `socket`: a Unix socket in the state directory, its owner's alone, for `reprise status`, `policies` and `revoke`
//! - `--admin ADDR`: for Prometheus and load balancers, and a page for browsers; there nothing can be changed, for there is no asking
//!   who it is
//!
//! `resources` answers, `revoking` what is about revocations, `programs` what is about programs with the module,
//! `explaining` why handshakes did not resume; `listen` accepts, `seats` bounds
//! how many at once, and `names` says under which names; `client` is the command's side.

pub(crate) mod client;
pub(crate) mod explaining;
mod listen;
mod names;
pub(crate) mod programs;
mod resources;
pub(crate) mod revoking;
mod seats;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use self::listen::Admin;
