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
//! - `host`: [`Host`], its builder, and what of it an operator sees
//! - `accept` (feature `tokio`): a handshake on tokio, without a thread that waits for a store
//! - [`agent`] (feature `agent`): a host that modules in other processes ask
//! - `handshake`: one handshake, from the ClientHello to the sessions it leaves behind. Facts in, answers out
//! - `funnel`: what becomes of handshakes, each counted once, by how far it came
//! - [`advice`]: what would have more clients resume, with the numbers behind it
//! - `living`: what of a host is alive in one process; `consultation`: what is decided, for whoever listens
//! - [`recent`]: handshakes of late, kept so that it can be told why one did not resume
//! - [`metrics`]: what is counted, for Prometheus; [`status`]: how it all is doing, in one piece
//!
//! Of crates below it re-exports what embedders need:
//!
//! - [`policy`], [`policies_dir`], [`signing`], [`conformance`], of `reprise-policy`: Wasm's side
//! - [`store`], [`revocation`], of `reprise-store`: where sessions live, and sessions taken back before their time
//! - [`Listener`] and what else belongs to a context, of `reprise-openssl`: the callbacks
//! - [`session`], of `reprise-session`: what a kept session is, and why one does not resume
//!
//! The `reprise` command is the crate `reprise-server`.

#![forbid(unsafe_code)]
// They panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(feature = "tokio")]
mod accept;
pub mod advice;
#[cfg(feature = "agent")]
pub mod agent;
pub mod conformance;
mod consultation;
mod funnel;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod host;
mod living;
pub mod metrics;
pub mod policies_dir;
pub mod policy;
pub mod recent;
pub mod revocation;
pub mod session;
pub mod signing;
pub mod status;
pub mod store;

#[doc(hidden)]
pub use reprise_openssl::{add_crl, process::exit_now};
pub use reprise_openssl::{
    facts::{EarlyData, HelloResponse},
    hooks::{
        Alert, ClientHello, InstallError, Listener, Owner, SessionCallbacks, allows_early_data, on_client_hello,
        on_message, session_callbacks,
    },
    prototype,
};
pub use reprise_session::session::Prototype;

#[cfg(feature = "tokio")]
pub use self::accept::{EarlyStream, accept, accept_early};
pub use self::{
    consultation::{About, Consultation, Consultations, LookUp, NotKept, Verdict},
    handshake::ConnectionReport,
    host::{BuildError, Host, HostBuilder, Policies},
    living::StartError,
};
