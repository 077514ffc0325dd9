//! Certificates, keys, CAs, CRLs and the keyring follow their files.
//!
//! Events are hints, the files' content is the truth. A hint, or half a minute without one, leads to a look at every file; a
//! look that differs from the last is repeated until two in a row are equal, so that a file half written, or a certificate
//! whose key is still on its way, is not taken up; then the sites that changed are rebuilt. What is wrong is said once, and
//! the previous certificate stays.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    self_signed,
    sites::{Change, Look, Sites},
};
use crate::{clock, session::Keyring};

/// Behind the events: network file systems have none, and a queue of them may overflow.
const POLL: Duration = Duration::from_secs(30);
/// Between the two looks that must be equal.
const SETTLE: Duration = Duration::from_millis(100);
/// Files that are written without a pause are taken as they are after this many looks.
const MAX_LOOKS: usize = 30;

/// A way to ask [`follow`] for a look.
#[derive(Clone)]
pub(crate) struct Ask(mpsc::Sender<oneshot::Sender<()>>);

/// What [`follow`] is asked.
pub(crate) struct Asked(mpsc::Receiver<oneshot::Sender<()>>);

pub(crate) fn channel() -> (Ask, Asked) {
    let (ask, asked) = mpsc::channel(1);
    (Ask(ask), Asked(asked))
}

impl Ask {
    /// Until every file has been looked at, and what changed is in force or was said to be wrong.
    pub(crate) async fn now(&self) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // Dropped at the end of the round, which is an error here and good news.
            let _ = is_done.await;
        }
    }
}

/// Keeps `sites` and the keyring, if there is one, as their files are, and the certificate in `self_signed`, if there is one, from
/// running out. Runs until it is dropped.
pub(crate) async fn follow(
    sites: Arc<Sites>,
    mut seen: Look,
    self_signed: Option<PathBuf>,
    keyring: Option<Arc<Keyring>>,
    mut asked: Asked,
) {
    let (hint, mut hints) = mpsc::channel(1);
    let mut keys = Keys { keyring, complaint: None };
    let _watcher = watch(sites.watched().into_iter().chain(keys.file()).collect(), hint.clone());
    // What changed between the first reading and the watch is found by a look of its own.
    let _ = hint.try_send(());
    let mut renewal = Renewal::default();
    loop {
        let _asked = tokio::select! {
            Some(asked) = asked.0.recv() => Some(asked),
            // Nobody hangs up: `hint` lives as long as this function.
            _ = tokio::time::timeout(POLL, hints.recv()) => None,
        };
        if let Some(dir) = &self_signed {
            renewal.look(dir.clone()).await;
        }
        keys.look().await;
        let Some(settled) = settle(&sites, &seen).await else { continue };
        let (before, now) = (std::mem::replace(&mut seen, settled.clone()), settled);
        let rebuilt = Arc::clone(&sites);
        // Parsing keys and building contexts takes milliseconds, which handshakes on this thread should not wait for.
        let changes = tokio::task::spawn_blocking(move || rebuilt.reload(&before, &now)).await.unwrap_or_default();
        changes.iter().for_each(report);
    }
}

/// The self-signed certificate is made anew before it ends.
#[derive(Default)]
struct Renewal {
    /// What is wrong is said once, not at each look.
    complained: bool,
}

impl Renewal {
    async fn look(&mut self, dir: PathBuf) {
        let kept = tokio::task::spawn_blocking(move || self_signed::kept_in(&dir)).await;
        let error = kept.map_or(None, Result::err);
        if let Some(error) = error.as_ref().filter(|_| !self.complained) {
            tracing::error!("the self-signed certificate ends soon and cannot be made anew: {error:#}");
        }
        self.complained = error.is_some();
    }
}

/// The keyring is read again, all of it at each look: it is small.
struct Keys {
    keyring: Option<Arc<Keyring>>,
    /// What is wrong is said once, not at each look.
    complaint: Option<String>,
}

impl Keys {
    fn file(&self) -> Option<PathBuf> {
        Some(self.keyring.as_ref()?.file()?.to_owned())
    }

    async fn look(&mut self) {
        let Some(keyring) = self.keyring.clone() else { return };
        let Ok(read) = tokio::task::spawn_blocking(move || (keyring.reload(), keyring)).await else { return };
        let complaint = match read {
            (Ok(changed), keyring) => {
                if changed || self.complaint.is_some() {
                    let keys = keyring.keys(clock::now());
                    let ids: Vec<String> = keys.iter().map(|key| key.id.to_string()).collect();
                    tracing::info!("the keyring's keys are in force: {}", ids.join(", "));
                }
                None
            }
            (Err(error), _) => Some(error.to_string()),
        };
        if let Some(complaint) = complaint.as_ref().filter(|complaint| self.complaint.as_ref() != Some(*complaint)) {
            tracing::warn!("keeping the keys as they were: {complaint}");
        }
        self.complaint = complaint;
    }
}

/// The files as they look now, once they stand still; none if that is how they looked before.
async fn settle(sites: &Arc<Sites>, seen: &Look) -> Option<Look> {
    let mut last = look(sites).await?;
    if last == *seen {
        return None;
    }
    for _ in 0..MAX_LOOKS {
        tokio::time::sleep(SETTLE).await;
        let next = look(sites).await?;
        if next == last {
            break;
        }
        last = next;
    }
    (last != *seen).then_some(last)
}

async fn look(sites: &Arc<Sites>) -> Option<Look> {
    let sites = Arc::clone(sites);
    tokio::task::spawn_blocking(move || sites.look()).await.ok()
}

fn report(change: &Change) {
    match &change.outcome {
        Ok(()) => tracing::info!("site `{}`: its changed files are in force", change.site),
        Err(error) => tracing::warn!("site `{}`: keeping the previous certificate and CAs: {error:#}", change.site),
    }
}

/// Watches the directories rather than the files: a file that is renamed over, or reached through a symlink that is
/// swapped, is another file.
fn watch(files: Vec<PathBuf>, hint: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        // Our own reading is an event too.
        let is_read = event.is_ok_and(|event| match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        });
        if !is_read {
            let _ = hint.try_send(()); // A full channel has a hint in it already.
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(
                "certificates are looked at every {POLL:?} only, since the file system cannot be watched: {error}"
            );
            return None;
        }
    };
    for directory in directories(files) {
        if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
            tracing::warn!("{} cannot be watched and is looked at every {POLL:?} only: {error}", directory.display());
        }
    }
    Some(watcher)
}

/// The directories that the files are in, by their own path and by that of what they link to.
fn directories(files: Vec<PathBuf>) -> BTreeSet<PathBuf> {
    let targets: Vec<PathBuf> = files.iter().filter_map(|file| file.canonicalize().ok()).collect();
    let parent = |file: &PathBuf| match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    files.iter().chain(&targets).map(parent).collect()
}
