//! What of the host is alive in this process only: threads, the Wasm engine, the policies loaded into it.
//!
//! A fork leaves all of it behind: in the child the threads are gone, and locks may be held by them for ever. So the slot
//! remembers the process it was filled in. In another process everything is made anew; what was there is leaked, untouched.

use std::{
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use reprise_policy::{
    policies_dir::{DirOptions, FileStatus, PoliciesDir, PolicyEvent, PolicyHistory, PolicyReport},
    policy::{Chain, Runtime, RuntimeOptions},
};
use reprise_session::{
    clock,
    printable::causes,
    process,
    vital::{Ended, Heart, Vital, Vitals},
};

use super::{Inner, StartError};
use crate::{
    callbacks::live::Live,
    handshake::removal::{self, GivenUp},
};

/// Sessions given up that wait for the worker; more are dropped, which retains them.
const QUEUE: usize = 4096;

/// How often the store may give up what has expired.
const MAINTENANCE: Duration = Duration::from_secs(1);

/// The place of what is alive in this process.
pub struct Slot {
    policies: Option<PathBuf>,
    dir: DirOptions,
    runtime: RuntimeOptions,
    living: ArcSwapOption<Living>,
    /// The process that is filling the slot, 0 if none is.
    reviving: AtomicU32,
    stopped: AtomicBool,
    dropped: AtomicU64,
}

/// Policies at one moment.
#[derive(Default)]
pub struct Snapshot {
    /// Those in force.
    pub chain: Arc<Chain>,
    /// Those that are supervised, in the order in which they are asked.
    pub supervised: Vec<(PolicyReport, PolicyHistory)>,
    /// The files of the directory, and what has happened under each one's name.
    pub files: Vec<(FileStatus, PolicyHistory)>,
    /// Bytes of linear memory that all instances take, and may take.
    pub memory: (usize, usize),
}

/// What is alive in one process.
struct Living {
    process: u32,
    chain: Arc<ArcSwap<Chain>>,
    live: Arc<Live>,
    given_up: SyncSender<GivenUp>,
    dir: Option<PoliciesDir>,
    vitals: Vitals,
    /// The engine, for as long as its policies are called.
    runtime: Runtime,
}

impl Slot {
    pub fn new(policies: Option<PathBuf>, dir: DirOptions, runtime: RuntimeOptions) -> Self {
        Self {
            policies,
            dir,
            runtime,
            living: ArcSwapOption::empty(),
            reviving: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    /// The policies in force. In a forked child, none until they are loaded again, which this starts.
    pub fn policies(&self, host: &Arc<Inner>) -> Option<Arc<Chain>> {
        let living = self.living.load();
        let living = living.as_ref()?;
        if living.process == process::id() {
            return Some(living.chain.load_full());
        }
        if self.claim() {
            let host = host.clone();
            let revived = thread::Builder::new().name("reprise-revive".into()).spawn(move || {
                let _claim = Claim(&host.living);
                if let Err(error) = host.living.fill(&host) {
                    let error = causes(&error);
                    tracing::error!(%error, "the host could not be started again after a fork; sessions do not resume");
                }
            });
            if let Err(error) = revived {
                tracing::error!(%error, "no thread to start the host again after a fork; the next handshake tries again");
                self.reviving.store(0, Ordering::Release);
            }
        }
        None
    }

    /// Fills the slot if it is not filled in this process.
    pub fn revive(&self, host: &Arc<Inner>) -> Result<(), StartError> {
        while self.here().is_none() {
            if self.claim() {
                let _claim = Claim(self);
                return self.fill(host);
            }
            thread::yield_now();
        }
        Ok(())
    }

    /// Whether this thread is the one to fill the slot: nobody else in this process is at it.
    fn claim(&self) -> bool {
        let me = process::id();
        let seen = self.reviving.load(Ordering::Acquire);
        seen != me && self.reviving.compare_exchange(seen, me, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn fill(&self, host: &Arc<Inner>) -> Result<(), StartError> {
        let runtime = Runtime::new(self.runtime.clone())?;
        let chain = Arc::new(ArcSwap::from_pointee(Chain::default()));
        let dir = match &self.policies {
            Some(dir) => Some(PoliciesDir::start(dir, runtime.clone(), chain.clone(), self.dir.clone())?),
            None => None,
        };
        let (given_up, queue) = mpsc::sync_channel(QUEUE);
        let vitals = Vitals::default();
        vitals
            .thread("reprise-removals", {
                let host = Arc::downgrade(host);
                move |heart| work(&host, &queue, heart)
            })
            .map_err(StartError::Thread)?;
        let living = Living { process: process::id(), chain, live: Arc::default(), given_up, dir, vitals, runtime };
        let before = self.living.swap(Some(Arc::new(living)));
        // What another process was using is not touched: its locks may be held by threads that are not here.
        std::mem::forget(before);
        if self.stopped.load(Ordering::Acquire) {
            self.stop();
        }
        Ok(())
    }

    pub fn policy_events(&self) -> Receiver<PolicyEvent> {
        let living = self.living.load();
        match living.as_ref().and_then(|living| living.dir.as_ref()) {
            Some(dir) => dir.subscribe(),
            None => mpsc::channel().1,
        }
    }

    /// What is in force now and what became of each file, without starting anything.
    pub fn policies_now(&self) -> Snapshot {
        let Some(living) = self.here() else { return Snapshot::default() };
        let chain = living.chain.load_full();
        let memory = living.runtime.memory();
        let Some(dir) = &living.dir else { return Snapshot { chain, memory, ..Snapshot::default() } };
        let supervised = dir.policies().into_iter().map(|report| {
            let history = dir.history(&report.name);
            (report, history)
        });
        let files = dir.status().into_iter().map(|file| {
            let history = dir.history(&file.name);
            (file, history)
        });
        Snapshot { chain, supervised: supervised.collect(), files: files.collect(), memory }
    }

    /// How the threads of this process are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        let Some(living) = self.here() else { return Vec::new() };
        let dir = living.dir.as_ref().map(PoliciesDir::vitals).unwrap_or_default();
        [living.vitals.list(), dir, living.runtime.vitals()].concat()
    }

    /// Sessions given up that the worker was not told of.
    pub fn removals_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// What `ask` gives of the directory of policies, if this process has one.
    pub fn policies_dir<T>(&self, ask: impl FnOnce(&PoliciesDir) -> T) -> Option<T> {
        self.here().as_ref().and_then(|living| living.dir.as_ref()).map(ask)
    }

    pub fn live(&self) -> Option<Arc<Live>> {
        self.here().map(|living| living.live.clone())
    }

    /// What is alive in this very process.
    fn here(&self) -> Option<Arc<Living>> {
        self.living.load_full().filter(|living| living.process == process::id())
    }

    pub fn given_up(&self, session: GivenUp) {
        let Some(living) = self.here() else { return };
        if living.given_up.try_send(session).is_err() {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "sessions given up faster than policies could be asked; they are retained");
            }
        }
    }

    /// Stops the threads and lets the policies go.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let Some(living) = self.living.swap(None) else { return };
        if living.process != process::id() {
            std::mem::forget(living);
        }
    }
}

/// Whoever fills the slot, until it is done with that or panics.
struct Claim<'a>(&'a Slot);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.reviving.store(0, Ordering::Release);
    }
}

/// Decides about sessions given up, and lets the store give up what has expired, for as long as there is a host: its queue
/// ends with it. Nobody waits for this thread, which may be the last to hold the host.
fn work(host: &Weak<Inner>, queue: &Receiver<GivenUp>, heart: &Heart) -> Ended {
    let mut maintained = Instant::now();
    loop {
        let next = queue.recv_timeout(MAINTENANCE.saturating_sub(maintained.elapsed()));
        let Some(host) = host.upgrade() else { return Ended::Told };
        let _busy = heart.works();
        match next {
            Ok(given_up) => removal::decide(&host, &given_up),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ended::Told,
        }
        if maintained.elapsed() >= MAINTENANCE {
            clock::watch();
            host.store.maintain(host.now());
            host.revocations.maintain(&*host.store, host.now());
            maintained = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use crate::Host;
    use reprise_session::session::SessionId;
    use reprise_store::store::{Consume, Entry, Fetch, RecordBytes, Scope, Store, Usage};

    use super::*;

    /// A store that panics when it is maintained for the first time.
    #[derive(Clone, Default)]
    struct Panics(Arc<AtomicUsize>);

    impl Store for Panics {
        fn scope(&self) -> Scope {
            Scope::Process
        }

        fn put(&self, _: SessionId, _: Entry, _: u64) {}

        fn fetch(&self, _: &SessionId, _: Consume, _: u64) -> Fetch {
            Fetch::Ready(Ok(None))
        }

        fn remove(&self, _: &SessionId) -> Option<RecordBytes> {
            None
        }

        fn peek(&self, _: &SessionId) -> Option<RecordBytes> {
            None
        }

        fn maintain(&self, _: u64) {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "as the test asks for");
        }

        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    #[test]
    fn sessions_are_seen_to_after_a_panic() {
        let store = Panics::default();
        let host = Host::builder().store(store.clone()).build().unwrap();
        let given_up = Instant::now() + Duration::from_secs(120);
        while store.0.load(Ordering::SeqCst) < 3 {
            assert!(Instant::now() < given_up, "it is maintained no more");
            thread::sleep(Duration::from_millis(1));
        }
        let vital = host.status().vitals.into_iter().find(|vital| vital.name == "reprise-removals").unwrap();
        assert_eq!((vital.restarts, vital.ended.as_deref()), (1, Some("it panicked: as the test asks for")));
    }
}
