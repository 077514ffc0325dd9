//! Watching the directory of policies.
//!
//! `10-tenants.wasm` is the policy `tenants`, its settings are in `10-tenants.toml` beside it, and policies are asked in
//! file-name order. What is in the directory is what is in force:
//!
//! - A new or changed module, or a changed `.toml`, is loaded and swapped in once it has stopped changing; changes made
//!   together go in force together, in one step. A content that is in force already is left alone, whatever its time stamps.
//! - What cannot be loaded is rejected with its reason, once per content, and the live generation stays.
//! - What is there at the start and cannot be loaded has no live generation that could stay: it counts as a policy that fails on
//!   every call, so that a restart never leaves a server without the policy that it ran with. Every handshake is a full one,
//!   until it goes live or is removed.
//! - Deleting a module unloads its policy. Deleting the `.toml` reloads the policy without settings.
//! - Of two files with one policy name the first in order counts, and the other is rejected.
//! - If the directory itself is gone or cannot be read, what is live stays live. When it is back, the truth is again what is
//!   in it; one that is made empty and filled later unloads the policies in between.
//!
//! One round, in `rounds.rs`: `listing` looks and hashes, `roster` compares with what is live and what was rejected,
//! `settling` holds back what still changes, `loader` compiles, `sandboxed` puts in force. `watch` only rings the `bell` for a
//! look: events are hints, the directory, read and hashed, is the truth, and a slow poll stands behind them.

mod bell;
mod check;
mod event;
mod listing;
mod loader;
mod options;
mod roster;
mod rounds;
mod sandboxed;
#[cfg(test)]
mod sandboxed_tests;
mod settling;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    fmt, fs,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, channel, sync_channel},
    },
    thread::{self, JoinHandle},
};

use anyhow::Context;
use arc_swap::ArcSwap;

use self::{
    bell::Rings,
    loader::Loader,
    rounds::{Rounds, Shared},
    sandboxed::Sandboxed,
};
pub use self::{
    check::{CheckError, Checked, check},
    event::{ContentHash, FileState, FileStatus, PolicyEvent},
    options::DirOptions,
};
use crate::{
    callbacks::process,
    policy::{Chain, Runtime},
};

/// A directory of policies that is kept in force. Dropping it ends the watching, after a compilation that may be under way;
/// what is live stays live.
///
/// It belongs to the process that made it. In a forked child its thread does not exist: [`PoliciesDir::status`] tells what was
/// known at the fork, nothing changes any more, and dropping it does nothing.
pub struct PoliciesDir {
    /// Always there until the drop.
    running: Option<Running>,
}

struct Running {
    process: u32,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl PoliciesDir {
    /// Loads every policy in `dir` and puts them in force in `live`, then keeps `live` up with the directory. The first scan is
    /// complete when this returns; what was rejected in it is in [`PoliciesDir::status`] and in the log, and is no error.
    ///
    /// # Errors
    /// The directory is missing or cannot be read, or no thread can be started.
    pub fn start(
        dir: &Path,
        runtime: Runtime,
        live: Arc<ArcSwap<Chain>>,
        options: DirOptions,
    ) -> anyhow::Result<PoliciesDir> {
        Self::start_with(dir, Sandboxed { runtime, live }, options)
    }

    fn start_with<L: Loader>(dir: &Path, loader: L, options: DirOptions) -> anyhow::Result<Self> {
        let shown = || format!("{}: the directory of policies cannot be read: make it, or name another", dir.display());
        fs::read_dir(dir).with_context(shown)?;
        // The path has to outlive a change of the working directory; links in it are followed anew at each look.
        let dir = std::path::absolute(dir).with_context(shown)?;
        let shared = Arc::new(Shared::default());
        let (scanned, first_scan) = sync_channel(1);
        let rounds = Rounds::new(dir, loader, options, shared.clone());
        let thread = thread::Builder::new()
            .name("reprise-policies".into())
            .spawn(move || rounds.run(scanned))
            .context("no thread can be started to watch the directory of policies")?;
        let running = Running { process: process::id(), shared, thread };
        first_scan.recv().context("the thread that watches the directory of policies ended early")?;
        Ok(Self { running: Some(running) })
    }

    /// Everything that happens from now on. What happened before is in [`PoliciesDir::status`].
    pub fn subscribe(&self) -> Receiver<PolicyEvent> {
        let (sender, receiver) = channel();
        // In a forked child the list may have been locked for good, and nobody would send.
        if let Some(running) = self.running.as_ref().filter(|running| running.is_here()) {
            running.shared.subscribers.lock().push(sender);
        }
        receiver
    }

    /// The files in the directory, in order, and what became of each.
    pub fn status(&self) -> Vec<FileStatus> {
        self.running.as_ref().map(|running| running.shared.status.load().to_vec()).unwrap_or_default()
    }

    /// Asks for a look at every file, soon: within [`DirOptions::settle`] of the one before, or within [`DirOptions::poll`]
    /// while a file is being written to without end.
    pub fn rescan(&self) {
        if let Some(running) = self.running.as_ref().filter(|running| running.is_here()) {
            running.shared.bell.ring(Rings { look: true, ..Rings::default() });
        }
    }
}

impl Running {
    fn is_here(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for PoliciesDir {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if !running.is_here() {
            // Nothing to join, and locks that the thread held at the fork are held for ever.
            std::mem::forget(running);
            return;
        }
        running.shared.bell.ring(Rings { stop: true, ..Rings::default() });
        if running.thread.join().is_err() {
            tracing::error!("the thread that watches the directory of policies panicked");
        }
    }
}

impl fmt::Debug for PoliciesDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoliciesDir").field("status", &self.status()).finish()
    }
}
