//! What of a store is alive in one process: its threads, and what they share.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    checkpoint, file,
    file::Place,
    jobs::Jobs,
    notices::Notices,
    queue::Queue,
    reader,
    watch::{self, Publication},
    writer,
};
use crate::{
    store::{InvalidationObserver, Removal, RemovalObserver, Removed, Usage},
    vital::{Ended, Vitals},
};

/// Readers: one may wait for the disk while others answer from what the system has of the file in memory.
const READERS: usize = 3;

/// What outlives the threads.
#[derive(Default)]
pub struct Common {
    pub removals: OnceLock<RemovalObserver>,
    pub invalidations: OnceLock<InvalidationObserver>,
    pub notices: Notices,
    pub counts: Counts,
}

#[derive(Default)]
pub struct Counts {
    pub sessions: AtomicU64,
    pub bytes: AtomicU64,
    pub evicted: AtomicU64,
    pub expired: AtomicU64,
    pub dropped: AtomicU64,
}

/// What the threads share.
pub struct Shared {
    pub place: Place,
    pub boot: i64,
    /// This process's number among those that use the store.
    pub node: i64,
    pub common: Arc<Common>,
    pub queue: Queue,
    pub jobs: Jobs,
    /// Notices that other processes have not said yet that they know.
    pub publications: Mutex<Vec<Publication>>,
    /// Operations that were committed and not checkpointed.
    pub committed: AtomicU64,
    pub vitals: Vitals,
    threads: Mutex<Threads>,
    /// Something of `threads` has changed, or there is something to look at.
    turn: Condvar,
}

#[derive(Default)]
struct Threads {
    running: usize,
    stopped: bool,
}

pub struct Living {
    /// The process that it is alive in.
    pub process: u32,
    pub shared: Arc<Shared>,
    /// A wait for the writer was in vain: the next ones are short.
    pub stuck: AtomicBool,
}

impl Living {
    pub fn start(place: Place, common: Arc<Common>, process: u32) -> Self {
        let shared = Arc::new(Shared {
            place,
            boot: file::boot(),
            node: i64::from_ne_bytes(file::random()),
            common,
            queue: Queue::default(),
            jobs: Jobs::default(),
            publications: Mutex::default(),
            committed: AtomicU64::new(0),
            vitals: Vitals::default(),
            threads: Mutex::default(),
            turn: Condvar::new(),
        });
        let started = spawn(&shared);
        if let Err(error) = started {
            tracing::error!(%error, "no threads for the session store on disk: it keeps nothing and finds nothing");
            shared.stop();
        }
        Self { process, shared, stuck: AtomicBool::new(false) }
    }
}

fn spawn(shared: &Arc<Shared>) -> io::Result<()> {
    let start = |name: &str, run: fn(&Shared)| {
        let running = Running::on(shared);
        let body = move |_: &_| {
            run(&running.0);
            Ended::told_if(running.0.stopped())
        };
        shared.vitals.thread(name, body).map(drop)
    };
    start("reprise-disk-w", |shared| {
        // What a writer before this one took from the queue and did not come to write.
        shared.queue.take_back();
        writer::run(shared);
    })?;
    for number in 0..READERS {
        start(&format!("reprise-disk-{number}"), reader::run)?;
    }
    start("reprise-disk-n", watch::run)?;
    start("reprise-disk-c", checkpoint::run)
}

impl Shared {
    /// Ends the threads, once what is queued is written.
    pub fn stop(&self) {
        self.threads.lock().stopped = true;
        self.turn.notify_all();
        self.jobs.stop();
        self.queue.stop();
    }

    /// Whether they were told to end.
    fn stopped(&self) -> bool {
        self.threads.lock().stopped
    }

    /// Waits until they have ended, `patience` at most.
    pub fn ended(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut threads = self.threads.lock();
        while threads.running > 0 && !self.turn.wait_until(&mut threads, until).timed_out() {}
    }

    /// Ends the waiting of the threads that look at the store from time to time.
    pub fn wake(&self) {
        self.turn.notify_all();
    }

    /// Waits for a while. False when the threads are to end.
    pub fn wait(&self, span: Duration) -> bool {
        let mut threads = self.threads.lock();
        if !threads.stopped {
            self.turn.wait_for(&mut threads, span);
        }
        !threads.stopped
    }
}

/// A thread that runs.
struct Running(Arc<Shared>);

impl Running {
    fn on(shared: &Arc<Shared>) -> Self {
        shared.threads.lock().running += 1;
        Self(shared.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.threads.lock().running -= 1;
        self.0.turn.notify_all();
    }
}

impl Common {
    /// Tells of sessions that have left the store.
    pub fn tell(&self, left: impl IntoIterator<Item = Removed>) {
        for removed in left {
            match removed.why {
                Removal::Evicted => self.counts.evicted.fetch_add(1, Relaxed),
                Removal::Expired => self.counts.expired.fetch_add(1, Relaxed),
                _ => 0,
            };
            if let Some(observer) = self.removals.get() {
                observer(removed);
            }
        }
    }

    /// Tells of sessions that were put and are not written.
    pub fn drop_put(&self, dropped: impl IntoIterator<Item = Removed>) {
        for removed in dropped {
            self.counts.dropped.fetch_add(1, Relaxed);
            if let Some(observer) = self.removals.get() {
                observer(removed);
            }
        }
    }

    pub fn usage(&self) -> Usage {
        let counts = &self.counts;
        Usage {
            sessions: counts.sessions.load(Relaxed),
            bytes: counts.bytes.load(Relaxed),
            prototypes: 0,
            evicted: counts.evicted.load(Relaxed),
            expired: counts.expired.load(Relaxed),
            dropped: counts.dropped.load(Relaxed),
        }
    }
}
