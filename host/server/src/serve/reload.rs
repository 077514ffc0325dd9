//! Certificates, keys, CAs, CRLs and the keyring follow their files.
//!
//! Events are hints, the files' content is the truth. A hint, or half a minute without one, leads to a look at every file; a
//! look that differs from the last is repeated until two in a row are equal, so that a file half written, or a certificate
//! whose key is still on its way, is not taken up; then the sites that changed are rebuilt. What is wrong is said once, and
//! the previous certificate stays. So it does where a file does not answer: each is waited for so long and no longer
//! ([`reprise_session::reading`]), and the others go on being followed.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use reprise_session::{
    aside::Aside,
    clock, following,
    session::Keyring,
    vital::{Ended, Heart, Life, caught},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use super::{
    self_signed,
    sites::{Change, Look, Sites},
};

/// Behind the events: network file systems have none, and a queue of them may overflow.
const POLL: Duration = Duration::from_secs(30);
/// Between the two looks that must be equal.
const SETTLE: Duration = Duration::from_millis(100);
/// Files that are written without a pause are taken as they are after this many looks.
const MAX_LOOKS: usize = 30;
/// How long what is done to a file system beside reading may take.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// What is followed, and how far.
pub(crate) struct Follower {
    sites: Arc<Sites>,
    seen: Look,
    renewal: Option<Renewal>,
    keys: Keys,
    asked: Asked,
    hint: mpsc::Sender<()>,
    hints: mpsc::Receiver<()>,
    watcher: Option<following::Follower>,
}

impl Follower {
    /// Keeps `sites`, which have been `seen` so, and the keyring, if there is one, as their files are, and the
    /// certificate in `self_signed`, if there is one, from running out.
    pub(crate) fn new(
        sites: Arc<Sites>,
        seen: Look,
        self_signed: Option<PathBuf>,
        keyring: Option<Arc<Keyring>>,
        asked: Asked,
    ) -> Self {
        let (hint, hints) = mpsc::channel(1);
        let keys = Keys { keyring, complaint: None };
        Self { sites, seen, renewal: self_signed.map(Renewal::new), keys, asked, hint, hints, watcher: None }
    }

    /// Goes round until it is dropped.
    async fn rounds(&mut self, heart: &Heart) -> Ended {
        if self.watcher.is_none() {
            let files = self.sites.watched().into_iter().chain(self.keys.file()).collect();
            let hint = self.hint.clone();
            // To watch a file system that hangs is to hang.
            let watched = spawn_blocking(|| Aside::new("reprise-watch").within(PATIENCE, || watch(files, hint))).await;
            self.watcher = watched.ok().and_then(Result::ok).flatten();
        }
        // What changed between the last reading and this is found by a look of its own.
        let _ = self.hint.try_send(());
        loop {
            let asked = tokio::select! {
                Some(asked) = self.asked.0.recv() => Some(asked),
                // Nobody hangs up: `hint` lives as long as this.
                _ = tokio::time::timeout(POLL, self.hints.recv()) => None,
            };
            let _busy = heart.works();
            self.round().await;
            drop(asked);
        }
    }

    async fn round(&mut self) {
        if let Some(renewal) = &mut self.renewal {
            renewal.look().await;
        }
        self.keys.look().await;
        let Some(settled) = settle(&self.sites, &self.seen).await else { return };
        let (rebuilt, before, now) = (Arc::clone(&self.sites), self.seen.clone(), settled.clone());
        // Parsing keys and building contexts takes milliseconds, which handshakes on this thread should not wait for.
        match spawn_blocking(move || rebuilt.reload(&before, &now)).await {
            Ok(changes) => {
                self.seen = settled;
                changes.iter().for_each(report);
            }
            Err(error) => tracing::error!("sites stay as they are, taking up their files failed: {error}"),
        }
    }
}

/// Has `follower` go round. Runs until it is dropped.
pub(crate) async fn follow(mut follower: Follower, mut life: Life) {
    let heart = life.heart();
    while life.again(caught(follower.rounds(&heart)).await).await {}
}

/// The self-signed certificate is made anew before it ends.
struct Renewal {
    dir: PathBuf,
    kept: Option<Aside<anyhow::Result<()>>>,
    /// What is wrong is said once, not at each look.
    complained: bool,
}

impl Renewal {
    fn new(dir: PathBuf) -> Self {
        Self { dir, kept: None, complained: false }
    }

    async fn look(&mut self) {
        let dir = self.dir.clone();
        let mut kept = self.kept.take().unwrap_or_else(|| Aside::new("reprise-renew"));
        let looked = spawn_blocking(move || {
            let answer = kept.within(PATIENCE, move || self_signed::kept_in(&dir).map(drop));
            (answer.unwrap_or_else(|none| Err(none.into())), kept)
        });
        let error = match looked.await {
            Ok((answer, kept)) => {
                self.kept = Some(kept);
                answer.err()
            }
            Err(error) => Some(error.into()),
        };
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
        let complaint = match spawn_blocking(move || (keyring.reload(), keyring)).await {
            Ok((Ok(changed), keyring)) => {
                if changed || self.complaint.is_some() {
                    let keys = keyring.keys(clock::now());
                    let ids: Vec<String> = keys.iter().map(|key| key.id.to_string()).collect();
                    tracing::info!("the keyring's keys are in force: {}", ids.join(", "));
                }
                None
            }
            Ok((Err(error), _)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
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
    let looked = spawn_blocking(move || sites.look()).await;
    looked.inspect_err(|error| tracing::error!("the files of sites cannot be looked at: {error}")).ok()
}

fn report(change: &Change) {
    match &change.outcome {
        Ok(()) => tracing::info!("site `{}`: its changed files are in force", change.site),
        Err(error) => tracing::warn!("site `{}`: keeping the previous certificate and CAs: {error:#}", change.site),
    }
}

/// Has a hint for each event in the directories of these files.
fn watch(files: Vec<PathBuf>, hint: mpsc::Sender<()>) -> Option<following::Follower> {
    let on_hint = move |_: following::Hint<'_>| {
        let _ = hint.try_send(()); // A full channel has a hint in it already.
    };
    let mut watcher = match following::Follower::start(on_hint) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(
                "certificates are looked at every {POLL:?} only, since the file system cannot be watched: {error}"
            );
            return None;
        }
    };
    for directory in directories(files) {
        if let Err(error) = watcher.follow(&directory) {
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
