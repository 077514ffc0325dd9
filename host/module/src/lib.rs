//! Reprise in servers that nobody rebuilds: an OpenSSL configuration module.
//!
//! OpenSSL loads this library where its configuration says so. It hooks the contexts that the program makes, turns their callbacks into
//! facts, and asks an agent, which has policies, stores and keys. It has no thread, and does nothing before the first handshake of a
//! server. Where the agent does not answer, every handshake is a full one.
//!
//! - `settings`: what the configuration says
//! - `calls`: the handshakes of one connection, as calls of the agent
//! - `agent`: the agent, from here: which thread asks, and when nobody is asked
//! - `message`: what is said to it, and what of that is said once; `untold`: what waits for the next message
//! - `connecting`: how it is reached, and whether it is the one
//! - `alive`: sessions that stay decoded in this process

#![deny(unsafe_code)]
// What OpenSSL calls is not in the program with the tests.
#![cfg_attr(test, allow(dead_code))]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod agent;
mod alive;
mod calls;
mod connecting;
mod message;
mod settings;
mod untold;

use std::{ffi::OsStr, path::Path, sync::Arc};

#[cfg(not(test))]
use reprise_openssl::configuration_module;
use reprise_openssl::guest::{Guest, entry::Section};

use reprise_wire::secret::Secret;

use self::calls::Asking;
pub use self::settings::{Settings, SettingsError};

/// What OpenSSL calls when it has read its configuration.
fn joins(section: &Section<'_>) -> Option<Guest> {
    let settings = Settings::read(|key| section.value(key)).ok()?;
    let program = std::env::current_exe().ok();
    if !settings.concern(program.as_deref().and_then(Path::file_name).and_then(OsStr::to_str)) {
        return None;
    }
    let (listener, observes) = (settings.listener.clone(), settings.observe);
    // Read while this may be root: there is no such file in a chroot.
    let secret = settings.secret.as_deref().and_then(|file| Secret::read(file).ok());
    Some(Guest { listener, observes, handler: Arc::new(Asking::new(settings, secret)) })
}

#[cfg(not(test))]
configuration_module!(joins);
