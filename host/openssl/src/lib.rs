//! OpenSSL's callbacks, turned into calls of one trait: [`Handler`]. Facts in, answers out; no type of OpenSSL crosses that line.
//!
//! Internal to Reprise: nothing here is stable. Embedders depend on the crate `reprise`, which re-exports what they need.
//!
//! What stands behind the trait decides. This crate knows of no policy, no store and no host, so that the same hooks serve the host in
//! this process and one at the other end of a socket.
//!
//! - [`handler`]: the trait
//! - [`facts`]: what crosses it. Plain data, but for sessions that are decoded, which cross as opaque handles
//! - [`hello`]: a ClientHello's bytes: its facts, its binders, and what a second one may change. Needs no connection
//! - [`hooks`]: the C callbacks, and what hangs on an `SSL_CTX` and an `SSL`
//! - [`guest`]: the same in a program that knows nothing of it
//! - [`client`]: the other end, which offers sessions again
//! - `tls`: safe access to `SSL`, `SSL_SESSION`, `X509`, where rust-openssl has none
//! - `ffi`: what openssl-sys does not declare
//! - [`process`]: watches for forks, and ends this process
//!
//! The last four are the only code of Reprise's with `unsafe`, but for the one function that loads compiled policies.
//!
//! How OpenSSL behaves around these callbacks is in docs/internals/openssl-facts.md, with tests.

#![deny(unsafe_code)]
// They panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod client;
pub mod facts;
#[allow(unsafe_code)]
mod ffi;
#[allow(unsafe_code)]
pub mod guest;
pub mod handler;
pub mod hello;
#[allow(unsafe_code)]
pub mod hooks;
#[allow(unsafe_code)]
pub mod process;
#[allow(unsafe_code)]
mod tls;

pub use self::{
    handler::{Handler, Handshakes},
    tls::{add_crl, prototype, secret},
};
