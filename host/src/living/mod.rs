//! What of the host is alive in this process only: threads, the Wasm engine, the policies loaded into it.
//!
//! A fork leaves all of it behind: in the child the threads are gone, and locks may be held by them for ever. So the slot
//! remembers the process it was filled in. In another process everything is made anew; what was there is leaked, untouched.

mod error;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use reprise_policy::{
    policies_dir::{DirOptions, FileStatus, PoliciesDir, PolicyEvent, PolicyHistory, PolicyReport},
    policy::{Chain, Runtime, RuntimeOptions},
};
use reprise_session::{
    printable::causes,
    process::{self, PerProcess},
    vital::{Ended, Heart, Vital, Vitals},
};

pub use self::error::StartError;

/// Sessions given up that wait for the worker; more are dropped, which retains them.
const QUEUE: usize = 4096;

/// What the worker does with what is queued for it, until its queue ends.
pub type Work<T> = dyn Fn(&Receiver<T>, &Heart) -> Ended + Send + Sync;

/// The place of what is alive in this process. `T` is a session given up.
pub struct Slot<T> {
    work: Arc<Work<T>>,
    policies: Option<PathBuf>,
    dir: DirOptions,
    runtime: RuntimeOptions,
    living: ArcSwapOption<PerProcess<Living<T>>>,
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
struct Living<T> {
    chain: Arc<ArcSwap<Chain>>,
    given_up: SyncSender<T>,
    dir: Option<PoliciesDir>,
    vitals: Vitals,
    /// The engine, for as long as its policies are called.
    runtime: Runtime,
}

impl<T: Send + 'static> Slot<T> {
    pub fn new(policies: Option<PathBuf>, dir: DirOptions, runtime: RuntimeOptions, work: Arc<Work<T>>) -> Self {
        Self {
            work,
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
    pub fn policies(self: &Arc<Self>) -> Option<Arc<Chain>> {
        let living = self.living.load();
        if let Some(living) = living.as_ref()?.get() {
            return Some(living.chain.load_full());
        }
        if self.claim() {
            let slot = self.clone();
            let revived = thread::Builder::new().name("reprise-revive".into()).spawn(move || {
                let _claim = Claim(&slot.reviving);
                if let Err(error) = slot.fill() {
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
    pub fn revive(&self) -> Result<(), StartError> {
        while self.here(|_| ()).is_none() {
            if self.claim() {
                let _claim = Claim(&self.reviving);
                return self.fill();
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

    fn fill(&self) -> Result<(), StartError> {
        let runtime = Runtime::new(self.runtime.clone())?;
        let chain = Arc::new(ArcSwap::from_pointee(Chain::default()));
        let dir = match &self.policies {
            Some(dir) => Some(PoliciesDir::start(dir, runtime.clone(), chain.clone(), self.dir.clone())?),
            None => None,
        };
        let (given_up, queue) = mpsc::sync_channel(QUEUE);
        let vitals = Vitals::default();
        let work = self.work.clone();
        vitals.thread("reprise-removals", move |heart| work(&queue, heart)).map_err(StartError::Thread)?;
        let living = Living { chain, given_up, dir, vitals, runtime };
        self.living.store(Some(Arc::new(PerProcess::new(living))));
        if self.stopped.load(Ordering::Acquire) {
            self.stop();
        }
        Ok(())
    }

    /// What happens to policies from now on; nothing does without a directory of them.
    pub fn policy_events(&self) -> Receiver<PolicyEvent> {
        self.policies_dir(PoliciesDir::subscribe).unwrap_or_else(|| mpsc::channel().1)
    }

    /// What is in force now and what became of each file, without starting anything.
    pub fn policies_now(&self) -> Snapshot {
        self.here(Living::policies).unwrap_or_default()
    }

    /// How the threads of this process are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        self.here(Living::vitals).unwrap_or_default()
    }

    /// Sessions given up that the worker was not told of.
    pub fn removals_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// What `ask` gives of the directory of policies, if this process has one.
    pub fn policies_dir<A>(&self, ask: impl FnOnce(&PoliciesDir) -> A) -> Option<A> {
        self.here(|living| living.dir.as_ref().map(ask)).flatten()
    }

    /// What `ask` gives of what is alive in this very process.
    fn here<A>(&self, ask: impl FnOnce(&Living<T>) -> A) -> Option<A> {
        self.living.load().as_ref()?.get().map(ask)
    }

    /// Queues a session that was given up for the worker. Never waits: a full queue drops it, which retains the session.
    pub fn given_up(&self, session: T) {
        if self.here(|living| living.given_up.try_send(session).is_err()) == Some(true) {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "sessions removed faster than policies could be asked; they are retained");
            }
        }
    }

    /// Stops the threads and lets the policies go.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.living.store(None);
    }
}

impl<T> Living<T> {
    fn policies(&self) -> Snapshot {
        let chain = self.chain.load_full();
        let memory = self.runtime.memory();
        let Some(dir) = &self.dir else { return Snapshot { chain, memory, ..Snapshot::default() } };
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

    fn vitals(&self) -> Vec<Vital> {
        let dir = self.dir.as_ref().map(PoliciesDir::vitals).unwrap_or_default();
        [self.vitals.list(), dir, self.runtime.vitals()].concat()
    }
}

/// Whoever fills the slot, until it is done with that or panics.
struct Claim<'a>(&'a AtomicU32);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}
