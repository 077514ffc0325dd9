//! Modules that are being loaded, on a few threads.
//!
//! What is dropped together is waited for together, so that it goes live together. A module that
//! takes longer than others wait for it, because it is large or because it was made to, is left
//! behind: it goes live once it is loaded, if its file is still the same, and holds up neither the
//! others nor the supervision of what is live. However many there are, there are no more threads
//! than [`LOADERS`], and no more of their bytes are held than [`LARGEST`] says: the others wait in
//! a queue, or in their files.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;

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

/// Modules that are loaded at once. More than are compiled at once, for what is slow to start waits
/// for nobody; each ends by itself, for nothing that a module does while it is loaded is without a
/// deadline.
const LOADERS: usize = 8;
/// How many of the largest modules have room together while they wait to be loaded, or are; the one
/// that exceeds it is the last.
const LARGEST: usize = 4;

/// The modules that are being loaded.
pub(super) struct Loading<L: Loader> {
    under_way: HashMap<String, (ContentHash, usize)>,
    /// The most bytes of what is under way.
    room: usize,
    queue: Arc<Queue<L>>,
    done: Receiver<Loaded<L::Policy>>,
}

/// What the threads share.
struct Queue<L: Loader> {
    loader: Arc<L>,
    /// Rung for a look at what has been left behind, once it is loaded.
    bell: Arc<Bell>,
    jobs: Mutex<Jobs>,
    tell: Sender<Loaded<L::Policy>>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Candidate>,
    /// Threads that there are.
    loaders: usize,
}

impl<L: Loader> Queue<L> {
    /// Loads until nothing waits.
    fn work(&self) {
        while let Some(candidate) = self.next() {
            let result = load(&*self.loader, &candidate);
            // The directory may have been let go meanwhile.
            if self.tell.send(Loaded { candidate, result }).is_ok() {
                self.bell.ring(Rings { look: true, ..Rings::default() });
            }
        }
    }

    fn next(&self) -> Option<Candidate> {
        let mut jobs = self.jobs.lock();
        let next = jobs.waiting.pop_front();
        jobs.loaders -= usize::from(next.is_none());
        next
    }
}

impl<L: Loader> Drop for Loading<L> {
    fn drop(&mut self) {
        self.queue.jobs.lock().waiting.clear();
    }
}

impl<L: Loader> Loading<L> {
    /// For modules of at most `largest` bytes.
    pub fn new(loader: Arc<L>, bell: Arc<Bell>, largest: u64) -> Self {
        let (tell, done) = channel();
        let room = usize::try_from(largest).unwrap_or(usize::MAX).saturating_mul(LARGEST);
        let queue = Arc::new(Queue { loader, bell, jobs: Mutex::default(), tell });
        Self { under_way: HashMap::new(), room, queue, done }
    }

    /// Whether one more module may be read to be loaded, besides so many bytes that were read already.
    pub fn has_room(&self, besides: usize) -> bool {
        self.under_way.values().map(|(_, bytes)| bytes).sum::<usize>() + besides < self.room
    }

    /// Whether this content of `file` is being loaded.
    pub fn has(&self, file: &str, hash: &ContentHash) -> bool {
        self.under_way.get(file).is_some_and(|(under_way, _)| under_way == hash)
    }

    /// The files that are being loaded.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.under_way.keys().map(String::as_str)
    }

    /// Gives up what is in the directory no more, or is another content by now.
    pub fn forget(&mut self, listing: &Listing) {
        let stands = |file: &String, hash| listing.0.get(file).is_some_and(|entry| entry.content == Ok(hash));
        self.under_way.retain(|file, (hash, _)| stands(file, *hash));
        self.queue.jobs.lock().waiting.retain(|candidate| stands(&candidate.file, candidate.hash));
    }

    /// Loads these, and gives them back as far as they are loaded within `patience`, with those
    /// that were left behind before and are loaded now.
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
        let (file, hash, bytes) = (candidate.file.clone(), candidate.hash, candidate.module.len());
        let mut jobs = self.queue.jobs.lock();
        jobs.waiting.push_back(candidate);
        if jobs.loaders < LOADERS {
            let queue = Arc::clone(&self.queue);
            match thread::Builder::new().name("reprise-load".into()).spawn(move || queue.work()) {
                Ok(_) => jobs.loaders += 1,
                Err(error) if jobs.loaders == 0 => {
                    jobs.waiting.pop_back();
                    return tracing::error!(file, %error, "no thread to load it with; the next look tries again");
                }
                // Those that there are will come to it.
                Err(_) => {}
            }
        }
        drop(jobs);
        self.under_way.insert(file, (hash, bytes));
    }
}
