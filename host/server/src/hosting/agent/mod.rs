//! The host without listeners: servers that nobody rebuilt ask it by a module of theirs. `reprise serve --agent` has one beside its
//! listeners.
//!
//! - `options`: what an operator writes, and what that means
//! - `user`: `--uid`
//! - `socket`: where modules ask

mod options;
mod socket;
mod user;

use anyhow::Result;

pub(crate) use self::{
    options::{Options, SOCKET, Settings},
    socket::Socket,
};
use super::{Built, Hosting};

/// A host that modules ask. It does so already; operators reach it once it runs.
///
/// # Errors
/// Something in `settings` cannot be had: the socket is another agent's, a file is missing or wrong. The message names it.
pub(crate) async fn start(settings: Settings) -> Result<Hosting> {
    let built = Built::new(&settings.host, |host| host)?;
    Hosting::start(built, &settings.host, Some(&settings.socket), ("keyring", ())).await
}
