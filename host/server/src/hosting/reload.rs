//! What of files a running host follows: the keyring, and what its command has beside it.
//!
//! Events are hints, the files' content is the truth. A hint, or half a minute without one, leads to a look at every file. What is
//! wrong is said once, and what was read before stays in force. So it does where a file does not answer: each is waited for
//! so long and no longer ([`reprise_session::reading`]), and the others go on being followed.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use reprise::Host;
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

/// Behind the events: network file systems have none, and a queue of them may overflow.
const POLL: Duration = Duration::from_secs(30);
/// How long what is done to a file system beside reading may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A way to ask [`follow`] for a look.
#[derive(Clone)]
pub(super) struct Ask(mpsc::Sender<oneshot::Sender<()>>);

/// What [`follow`] is asked.
pub(super) struct Asked(mpsc::Receiver<oneshot::Sender<()>>);

pub(super) fn channel() -> (Ask, Asked) {
    let (ask, asked) = mpsc::channel(1);
    (Ask(ask), Asked(asked))
}

impl Ask {
    /// Until every file has been looked at, and what changed is in force or was said to be wrong.
    async fn now(&self) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // Dropped at the end of the round, which is an error here and good news.
            let _ = is_done.await;
        }
    }
}

/// What a command follows beside the keyring.
pub(crate) trait Followed: Send {
    /// The files whose events are a hint.
    fn files(&self) -> Vec<PathBuf>;

    /// Looks at all of it; what changed is in force, or was said to be wrong, when it is done.
    fn look(&mut self) -> impl Future<Output = ()> + Send;
}

/// Nothing.
impl Followed for () {
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    async fn look(&mut self) {}
}

/// A way to have policies, the keyring and what else is followed looked at.
#[derive(Clone)]
pub(crate) struct Reload {
    host: Weak<Host>,
    has_policies: bool,
    files: Ask,
}

impl Reload {
    pub(super) fn new(host: &Arc<Host>, has_policies: bool, files: Ask) -> Self {
        Self { host: Arc::downgrade(host), has_policies, files }
    }

    /// Reloads every policy, and every file that is followed, policies as [`reprise::Policies::reload`] does. When it
    /// returns, what changed is in force or was said to be wrong.
    pub(crate) async fn now(&self) {
        let policies = self.host.upgrade().filter(|_| self.has_policies).map(|host| host.policies());
        let policies = policies.map(|policies| spawn_blocking(move || policies.reload()));
        self.files.now().await;
        if let Some(policies) = policies
            && let Ok(Err(error)) = policies.await
        {
            tracing::warn!("policies stay as they are: {error}");
        }
    }
}

/// What is followed, and how far.
pub(super) struct Follower<F> {
    keys: Keys,
    beside: F,
    asked: Asked,
    hint: mpsc::Sender<()>,
    hints: mpsc::Receiver<()>,
    watcher: Option<following::Follower>,
}

impl<F: Followed> Follower<F> {
    /// Keeps the keyring, if there is one, and what is `beside` it as their files are.
    pub(super) fn new(keyring: Option<Arc<Keyring>>, beside: F, asked: Asked) -> Self {
        let (hint, hints) = mpsc::channel(1);
        let keys = Keys { keyring, complaint: None };
        Self { keys, beside, asked, hint, hints, watcher: None }
    }

    /// Goes round until it is dropped.
    async fn rounds(&mut self, heart: &Heart) -> Ended {
        if self.watcher.is_none() {
            let files: Vec<PathBuf> = self.beside.files().into_iter().chain(self.keys.file()).collect();
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
            self.keys.look().await;
            self.beside.look().await;
            drop(asked);
        }
    }
}

/// Has `follower` go round. Runs until it is dropped.
pub(super) async fn follow(mut follower: Follower<impl Followed>, mut life: Life) {
    let heart = life.heart();
    while life.again(caught(follower.rounds(&heart)).await).await {}
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

/// Has a hint for each event in the directories of these files.
fn watch(files: Vec<PathBuf>, hint: mpsc::Sender<()>) -> Option<following::Follower> {
    let on_hint = move |_: following::Hint<'_>| {
        let _ = hint.try_send(()); // A full channel has a hint in it already.
    };
    let mut watcher = match following::Follower::start(on_hint) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!("files are looked at every {POLL:?} only, since the file system cannot be watched: {error}");
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
