//! The `reprise` command: a TLS server, and what goes with it.
//!
//! Internal to Reprise: nothing here is stable but what the command does. Embedders depend on the crate `reprise`.
//!
//! - [`cli`]: the command line: new, build, dev, serve, agent, module, check, test, sign, status, policies, revoke, probe, keys
//! - `hosting`: a host at work: its options, stores, files that are followed, operators, modules, end. `reprise agent` has no more
//! - `serve`: `reprise serve`: that with listeners: PROXY protocol, sites, reload of certificates, responder, backend
//! - `admin`: the socket of `reprise status`, and `--admin`: one set of resources, two places
//! - `page`: what a browser shows of it at `--admin`
//! - `http`: HTTP/1.1 as far as both need it; `phase`: how a server ends; `health`: whether it does what it seems to
//! - `state_dir`: where state that outlives the process is kept
//! - `log`: the log, which nobody waits for
//! - `fuzzing`: what fuzz targets need of it

#![forbid(unsafe_code)]
// They panic where nobody reads: `cli::output` and `log` do not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod admin;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod hosting;
mod http;
mod log;
mod page;
mod phase;
mod serve;
mod state_dir;
