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
//! - Where there are policy keys, only what is signed by one of them is loaded; a signature that comes, goes or changes is a
//!   change of the module.
//! - What others than its owner may write is warned of or, with [`DirOptions::strict`], rejected.
//! - If the directory itself is gone or cannot be read, what is live stays live. When it is back, the truth is again what is
//!   in it; one that is made empty and filled later unloads the policies in between.
//!
//! - What misbehaves while it is live is set aside, or rolled back to the generation before, and comes back when it has mended.
//!   Other content replaces it at once. ([`crate::policy`], `supervision`, tells when and how.)
//!
//! One round, in `rounds.rs`: `listing` looks and hashes, `roster` compares with what is live and what was rejected,
//! `trust` sees to who may have written it, `settling` holds back what still changes, `loading` compiles by the `loader`,
//! `sandboxed` puts in force; `standing` says in a word where a policy is. Between rounds `attend` supervises what is live, each policy a `ward`, and fulfils the wishes of
//! operators. `watch` only rings the `bell` for a
//! look: events are hints, the directory, read and hashed, is the truth, and a slow poll stands behind them.

mod attend;
mod bell;
mod check;
mod control;
mod error;
mod event;
mod history;
mod listing;
mod loader;
mod loading;
mod options;
mod report;
mod roster;
mod rounds;
mod sandboxed;
#[cfg(test)]
mod sandboxed_tests;
mod settling;
mod standing;
#[cfg(test)]
mod tests;
mod trust;
#[cfg(all(test, feature = "sign"))]
mod trust_tests;
mod ward;
mod watch;

use std::{
    fmt, fs,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, channel, sync_channel},
    },
    thread::JoinHandle,
    time::Instant,
};

use arc_swap::ArcSwap;
use reprise_session::{
    process::PerProcess,
    vital::{Ended, Vital, Vitals},
};

use self::{
    bell::Rings,
    control::{Reply, Request, Wish},
    loader::Loader,
    rounds::{Rounds, Shared},
    sandboxed::Sandboxed,
};
pub use self::{
    check::{CheckError, Checked, check},
    control::ControlError,
    error::DirError,
    event::{ContentHash, FileState, FileStatus, PolicyEvent},
    history::{LastRejection, PolicyHistory},
    options::DirOptions,
    report::{Former, PolicyReport, PolicyState},
    standing::Standing,
};
use crate::policy::{Chain, Runtime};
pub use reprise_session::ownership::exposed;

/// A directory of policies that is kept in force. Dropping it ends the watching, after a compilation that may be under way;
/// what is live stays live.
///
/// It belongs to the process that made it. In a forked child its thread does not exist: [`PoliciesDir::status`] tells what was
/// known at the fork, nothing changes any more, and dropping it does nothing.
pub struct PoliciesDir {
    /// Always there until the drop.
    running: Option<PerProcess<Running>>,
}

struct Running {
    shared: Arc<Shared>,
    vitals: Vitals,
    thread: JoinHandle<()>,
}

impl PoliciesDir {
    /// Loads every policy in `dir` and puts them in force in `live`, then keeps `live` up with the directory. The first scan is
    /// complete when this returns; what was rejected in it is in [`PoliciesDir::status`] and in the log, and is no error.
    ///
    /// # Errors
    /// The directory is missing, cannot be read or, if that is refused, can be written by others; or no thread can be started.
    pub fn start(
        dir: &Path,
        runtime: Runtime,
        live: Arc<ArcSwap<Chain>>,
        options: DirOptions,
    ) -> Result<PoliciesDir, DirError> {
        Self::start_with(dir, Sandboxed { runtime, live }, options)
    }

    fn start_with<L: Loader>(dir: &Path, loader: L, options: DirOptions) -> Result<Self, DirError> {
        let unreadable = |source| DirError::Unreadable { dir: dir.to_owned(), source };
        fs::read_dir(dir).map_err(unreadable)?;
        // The path has to outlive a change of the working directory; links in it are followed anew at each look.
        let dir = std::path::absolute(dir).map_err(unreadable)?;
        if let (true, Some(exposed)) = (options.strict, exposed(&dir)) {
            return Err(DirError::Exposed(exposed));
        }
        let shared = Arc::new(Shared::default());
        let (scanned, first_scan) = sync_channel(1);
        let mut rounds = Rounds::new(dir, loader, options, shared.clone());
        let (vitals, mut scanned, mut begun) = (Vitals::default(), Some(scanned), false);
        let body = move |heart: &_| {
            if std::mem::replace(&mut begun, true) {
                if scanned.take().is_some() {
                    // The owner learns it from the hangup.
                    return Ended::Told;
                }
                rounds.take_stock();
            }
            rounds.run(&mut scanned, heart)
        };
        let thread = vitals.thread("reprise-policies", body).map_err(DirError::Thread)?;
        let running = PerProcess::new(Running { shared, vitals, thread });
        first_scan.recv().map_err(|_| DirError::Ended)?.map_err(DirError::FirstScan)?;
        Ok(Self { running: Some(running) })
    }

    /// Everything that happens from now on. What happened before is in [`PoliciesDir::status`].
    pub fn subscribe(&self) -> Receiver<PolicyEvent> {
        let (sender, receiver) = channel();
        // In a forked child the list may have been locked for good, and nobody would send.
        if let Some(running) = self.here() {
            running.shared.subscribers.lock().push(sender);
        }
        receiver
    }

    /// The files in the directory, in order, and what became of each.
    pub fn status(&self) -> Vec<FileStatus> {
        self.as_it_was().map(|running| running.shared.status.load().to_vec()).unwrap_or_default()
    }

    /// How the thread that watches is doing; nothing in a forked child.
    pub fn vitals(&self) -> Vec<Vital> {
        self.here().map(|running| running.vitals.list()).unwrap_or_default()
    }

    /// What has happened under a policy's name so far; nothing in a forked child.
    pub fn history(&self, name: &str) -> PolicyHistory {
        self.here().map(|running| running.shared.histories.lock().get(name)).unwrap_or_default()
    }

    /// How each policy that went live is doing.
    pub fn policies(&self) -> Vec<PolicyReport> {
        self.as_it_was().map(|running| running.shared.reports(Instant::now())).unwrap_or_default()
    }

    /// Takes the directory up anew: looks at every file, loads again what was rejected or rolled back, and tries again at once
    /// what is quarantined, by whomever. Waits until that is done, which takes as long as compiling does. How the policies are
    /// doing then; what was rejected again has its reason there and in [`PoliciesDir::status`].
    ///
    /// # Errors
    /// The directory cannot be read, or is not watched in this process.
    pub fn reload(&self) -> Result<Vec<PolicyReport>, ControlError> {
        self.wish(Wish::Reload)
    }

    /// Goes back to the generation of the policy `name` that is kept, for good: the content that was live is not loaded again
    /// until it changes or a [reload](PoliciesDir::reload) is asked for. How the policies are doing then.
    ///
    /// # Errors
    /// There is no such policy, no generation before is kept, or that one does not start any more.
    pub fn rollback(&self, name: &str) -> Result<Vec<PolicyReport>, ControlError> {
        self.wish(Wish::Rollback(name.into()))
    }

    /// Keeps the policy `name` from being called, in whatever generation, until its file changes, a
    /// [reload](PoliciesDir::reload) or a [rollback](PoliciesDir::rollback). Until then it counts as failing: objecting, or
    /// abstaining where its NAME.toml says so. How the policies are doing then.
    ///
    /// # Errors
    /// There is no such policy.
    pub fn quarantine(&self, name: &str) -> Result<Vec<PolicyReport>, ControlError> {
        self.wish(Wish::Quarantine(name.into()))
    }

    fn wish(&self, wish: Wish) -> Reply {
        let running = self.here().ok_or(ControlError::NotWatched("it forked, and the host was not revived since"))?;
        let (request, reply) = Request::new(wish);
        running.shared.requests.push(request);
        running.shared.bell.ring(Rings { attend: true, ..Rings::default() });
        reply.recv().unwrap_or(Err(ControlError::NotWatched("the thread that watches it has ended")))
    }

    /// Asks for a look at every file, soon: within [`DirOptions::settle`] of the one before, or within [`DirOptions::poll`]
    /// while a file is being written to without end.
    pub fn rescan(&self) {
        if let Some(running) = self.here() {
            running.shared.bell.ring(Rings { look: true, ..Rings::default() });
        }
    }

    /// What runs in this process; nothing in a forked child.
    fn here(&self) -> Option<&Running> {
        self.running.as_ref()?.get()
    }

    /// What runs here, or ran in the parent at the fork.
    fn as_it_was(&self) -> Option<&Running> {
        self.running.as_ref()?.as_it_was()
    }
}

impl Drop for PoliciesDir {
    fn drop(&mut self) {
        // In a forked child there is nothing to join.
        let Some(running) = self.running.take().and_then(PerProcess::into_inner) else { return };
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
