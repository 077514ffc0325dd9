//! The hooks in a program that knows nothing of them: an OpenSSL configuration module's side.
//!
//! The program has callbacks of its own, and no getter tells most of them, so that what can be chained is little. What is left is the
//! **security callback** of each context: nobody sets it, it has a getter, and OpenSSL calls it at the start of a handshake and again
//! when the ClientHello was read, before it looks for a session. There the session callbacks are set on the context, and everything
//! else on the connection alone.
//!
//! - [`entry`]: what OpenSSL calls of a module
//! - `contexts`: a context is made; it gets the security callback
//! - `security`: the callback itself: which ClientHello it is called about
//! - `hello`: a ClientHello was read: the connection is taken, or left alone
//! - `leave`: what is left alone
//! - `observe`: what is looked at, and left alone
//! - `seal`: the session callbacks of a context, what they displace, and how that is given back
//! - `socket`: a connection's addresses
//!
//! A guest does nothing before the first handshake of a server, starts no thread, and touches no connection of a client's.

mod contexts;
pub mod entry;
mod hello;
mod leave;
mod observe;
mod seal;
mod security;
mod socket;

use std::sync::{Arc, OnceLock};

use crate::{handler::Handler, hooks::ex_data, process::watch_forks};

/// What is behind the hooks of every context that this process makes.
pub struct Guest {
    /// Who decides.
    pub handler: Arc<dyn Handler>,
    /// The listener's name, where a connection's socket is not OpenSSL's to ask.
    pub listener: String,
    /// Whether handshakes are looked at, and nothing is decided.
    pub observes: bool,
}

static GUEST: OnceLock<Guest> = OnceLock::new();

/// Has the handler decide about the handshakes of each server's context that this process makes from now on.
///
/// # Errors
/// It was called before, or OpenSSL is out of memory. Nothing is hooked then.
pub fn join(guest: Guest) -> Result<(), JoinError> {
    GUEST.set(guest).map_err(|_| JoinError::Twice)?;
    watch_forks();
    leave::look_at_sessions();
    if ex_data::watch_contexts(contexts::made) { Ok(()) } else { Err(JoinError::NoIndex) }
}

/// Why contexts are not hooked.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// They are already.
    #[error("this process is joined already; expected one module in a process")]
    Twice,
    /// There is no room on OpenSSL's objects.
    #[error("OpenSSL gives no index for data on its contexts (CRYPTO_get_ex_new_index)")]
    NoIndex,
}
