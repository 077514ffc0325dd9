//! Reprise: TLS session caching for OpenSSL servers, decided by sandboxed WebAssembly policies.
//!
//! ```no_run
//! use openssl::ssl::{SslAcceptor, SslMethod};
//! use reprise::{Host, Listener};
//!
//! # fn main() -> anyhow::Result<()> {
//! let host = Host::builder().policies("policies").build()?;
//! let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
//! host.install(&mut acceptor, Listener::named("public"))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! - `host`: [`Host`], its builder, and what of it is alive in one process
//! - `callbacks`: OpenSSL's side: registers the callbacks, turns `SSL` and `SSL_SESSION` into facts. The unsafe room
//! - `accept` (feature `tokio`): a handshake on tokio, without a thread that waits for a store
//! - `handshake`: one handshake, from the ClientHello to the sessions it leaves behind
//! - [`policy`]: Wasm's side: engine, module to policy, instances, the chain and its verdicts
//! - [`policies_dir`]: the directory that policies are dropped into
//! - [`conformance`]: a policy held against vectors: same facts in, same verdicts out
//! - `clock`: the host's time, which never goes back
//! - `ownership`: who else may write a file; `replace`: writing one whole; `hex`: bytes as text
//! - [`signing`]: who may drop a policy
//! - [`session`]: what a kept session is: id, border, record; and why one does not resume
//! - [`revocation`]: sessions taken back before their time
//! - [`store`]: where sessions live
//! - `vital`: threads and tasks that must live; `reading`, `aside`: files, and work on them, that may hang
//! - [`metrics`]: what is counted, for Prometheus; [`status`]: how it all is doing, in one piece
//! - `printable`: text from outside, made fit for where people read it; `log`: the command's, which nobody waits for
//! - `serve`, `admin`, `cli`: the `reprise` command (feature `cli`), which uses of the above what any embedder can

#![deny(unsafe_code)]
// They panic where nobody reads: `cli::output` and `log` do not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(feature = "tokio")]
mod accept;
#[cfg(feature = "cli")]
mod admin;
mod callbacks;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod conformance;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod host;
#[cfg(feature = "cli")]
mod log;
pub mod metrics;
pub mod policies_dir;
pub mod policy;
pub mod revocation;
#[cfg(feature = "cli")]
mod serve;
pub mod session;
pub mod signing;
pub mod status;
pub mod store;

pub use reprise_session::session::Prototype;

#[cfg(feature = "tokio")]
pub use self::accept::{EarlyStream, accept, accept_early};
pub use self::{
    callbacks::{
        Alert, ClientHello, HelloResponse, InstallError, Listener, Owner, SessionCallbacks, on_message, prototype,
        session_callbacks,
    },
    handshake::{ConnectionReport, EarlyData, NotKept, allows_early_data, on_client_hello},
    host::{Decision, Decisions, Host, HostBuilder, Policies},
};
