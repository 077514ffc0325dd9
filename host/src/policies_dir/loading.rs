//! Modules that are being loaded, each on a thread of its own.
//!
//! What is dropped together is waited for together, so that it goes live together. A module that takes longer than others wait for
//! it, because it is large or because it was made to, is left behind: it goes live once it is loaded, if its file is still the
//! same, and holds up neither the others nor the supervision of what is live.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    ContentHash,
    bell::{Bell, Rings},
    listing::Listing,
    loader::{Candidate, Loader, load},
};

/// What came of loading a candidate.
pub(super) struct Loaded<P> {
    pub candidate: Candidate,
    pub result: Result<Arc<P>, String>,
}

/// The modules that are being loaded.
pub(super) struct Loading<L: Loader> {
    loader: Arc<L>,
    /// Rung for a look at what has been left behind, once it is loaded.
    bell: Arc<Bell>,
    under_way: HashMap<String, ContentHash>,
    done: Receiver<Loaded<L::Policy>>,
    tell: Sender<Loaded<L::Policy>>,
}

impl<L: Loader> Loading<L> {
    pub fn new(loader: Arc<L>, bell: Arc<Bell>) -> Self {
        let (tell, done) = channel();
        Self { loader, bell, under_way: HashMap::new(), done, tell }
    }

    /// Whether this content of `file` is being loaded.
    pub fn has(&self, file: &str, hash: &ContentHash) -> bool {
        self.under_way.get(file) == Some(hash)
    }

    /// The files that are being loaded.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.under_way.keys().map(String::as_str)
    }

    /// Gives up what is in the directory no more, or is another content by now.
    pub fn forget(&mut self, listing: &Listing) {
        self.under_way.retain(|file, hash| listing.0.get(file).is_some_and(|entry| entry.content == Ok(*hash)));
    }

    /// Loads these, and gives them back as far as they are loaded within `patience`, with those that were left behind before and
    /// are loaded now.
    pub fn load(&mut self, candidates: Vec<Candidate>, patience: Duration) -> Vec<Loaded<L::Policy>> {
        let until = Instant::now() + patience;
        let mut batch: Vec<_> = candidates.iter().map(|candidate| (candidate.file.clone(), candidate.hash)).collect();
        candidates.into_iter().for_each(|candidate| self.start(candidate));
        let mut loaded = Vec::new();
        loop {
            batch.retain(|(file, hash)| self.has(file, hash));
            let left = if batch.is_empty() { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            let Ok(done) = self.done.recv_timeout(left) else { break };
            let Candidate { file, hash, .. } = &done.candidate;
            // Else its file has become another meanwhile.
            if self.has(file, hash) {
                self.under_way.remove(file);
                loaded.push(done);
            }
        }
        for (file, _) in batch {
            tracing::info!(file, "still loading after {patience:?}: it goes live once it is loaded");
        }
        loaded
    }

    fn start(&mut self, candidate: Candidate) {
        let (file, hash) = (candidate.file.clone(), candidate.hash);
        let (loader, bell, tell) = (Arc::clone(&self.loader), Arc::clone(&self.bell), self.tell.clone());
        let work = move || {
            let result = load(&*loader, &candidate);
            // The directory may have been let go meanwhile.
            if tell.send(Loaded { candidate, result }).is_ok() {
                bell.ring(Rings { look: true, ..Rings::default() });
            }
        };
        match thread::Builder::new().name("reprise-load".into()).spawn(work) {
            Ok(_) => drop(self.under_way.insert(file, hash)),
            Err(error) => tracing::error!(file, %error, "no thread to load it with; the next look tries again"),
        }
    }
}
