//! What of a store is alive in one process: its threads, and what they share.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reprise_session::lock::{Condvar, Mutex};

use reprise_session::vital::{Ended, Heart, Vitals};
use rusqlite::ErrorCode;

use super::{
    DiskError,
    error::LOGGED,
    file,
    file::{Identity, Opened, Place},
    jobs::Jobs,
    notices::Notices,
    queue::Queue,
    reader, sync,
    watch::{self, Publication},
    writer,
};
use crate::store::{Health, InvalidationObserver, LATELY, Removal, RemovalObserver, Removed, Usage};

/// Readers: one may wait for the disk while others answer from what the system has of the file in memory.
const READERS: usize = 3;

/// What outlives the threads.
#[derive(Default)]
pub struct Common {
    pub removals: OnceLock<RemovalObserver>,
    pub invalidations: OnceLock<InvalidationObserver>,
    pub notices: Notices,
    pub counts: Counts,
    /// The file that is used.
    file: Mutex<Option<Identity>>,
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
    /// Operations that were committed and not synced.
    pub committed: AtomicU64,
    pub vitals: Vitals,
    started: Instant,
    /// When something was written last: milliseconds since `started`.
    written: AtomicU64,
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
    pub shared: Arc<Shared>,
    /// A wait for the writer was in vain: the next ones are short.
    pub stuck: AtomicBool,
}

impl Living {
    pub fn start(place: Place, common: Arc<Common>) -> Self {
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
            started: Instant::now(),
            written: AtomicU64::new(0),
            threads: Mutex::default(),
            turn: Condvar::new(),
        });
        let started = spawn(&shared);
        if let Err(error) = started {
            tracing::error!(%error, "no threads for the session store on disk: it keeps nothing and finds nothing");
            shared.stop();
        }
        Self { shared, stuck: AtomicBool::new(false) }
    }
}

fn spawn(shared: &Arc<Shared>) -> io::Result<()> {
    let start = |name: &str, run: fn(&Shared, &Heart)| {
        let running = Running::on(shared);
        let body = move |heart: &Heart| {
            run(&running.0, heart);
            Ended::told_if(running.0.stopped())
        };
        shared.vitals.thread(name, body).map(drop)
    };
    start("reprise-disk-w", |shared, heart| {
        // What a writer before this one took from the queue and did not come to write.
        shared.queue.take_back();
        writer::run(shared, heart);
    })?;
    for number in 0..READERS {
        start(&format!("reprise-disk-{number}"), reader::run)?;
    }
    start("reprise-disk-n", watch::run)?;
    start("reprise-disk-s", sync::run)
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
        let (mut threads, mut late) = (self.threads.lock(), false);
        while threads.running > 0 && !late {
            (threads, late) = self.turn.wait_until(threads, until);
        }
    }

    /// The connection that a thread holds, if it is to the file that is there; else one that is opened anew. A file that is gone is made,
    /// and one that took the place of another is looked at as at the start.
    pub fn connected<'a>(&self, held: &'a mut Option<Opened>) -> rusqlite::Result<&'a mut Opened> {
        let there = self.place.identity();
        let has_log = self.place.has_log();
        held.take_if(|opened| has_log || there.as_ref().ok() != Some(&opened.identity));
        let opened = match held.take() {
            Some(opened) => opened,
            None => self.open()?,
        };
        Ok(held.insert(opened))
    }

    fn open(&self) -> rusqlite::Result<Opened> {
        let used = *self.common.file.lock();
        if let Some(used) = used {
            if self.place.has_log() {
                // Some of those who use the file may use the log by now, and others not.
                self.place.give_up(used, LOGGED).map_err(DiskError::into_sqlite)?;
            } else if let Ok(opened) = self.place.open()
                && opened.identity == used
            {
                return Ok(opened);
            }
        }
        self.place.make().map_err(DiskError::into_sqlite)?;
        let opened = self.place.open()?;
        self.common.uses(opened.identity, &self.place);
        Ok(opened)
    }

    /// What a thread does about its connection once something failed on it. A damaged file is set aside.
    pub fn failed(&self, held: &mut Option<Opened>, error: &rusqlite::Error) {
        let Some(identity) = held.take().map(|opened| opened.identity) else { return };
        let mended = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                self.place.give_up(identity, &error.to_string())
            }
            // It may be what stands beside it.
            Some(ErrorCode::CannotOpen) => self.place.make(),
            // It was emptied.
            _ if ["no such table: store", "no such table: sessions"]
                .iter()
                .any(|gone| error.to_string().contains(gone)) =>
            {
                self.place.make().map(|()| self.common.notices.renew())
            }
            _ => return,
        };
        if let Err(error) = mended {
            tracing::warn!(%error, "the session store on disk is damaged, and no other can be made");
        }
    }

    /// Something was written.
    pub fn wrote(&self) {
        self.written.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }

    /// Whether the file was lately read and written. A thread reads it four times a second, and another writes that this process is
    /// there once a second.
    pub fn health(&self) -> Health {
        let lived = self.started.elapsed();
        let read = self.common.notices.age().min(lived);
        let written = lived.saturating_sub(Duration::from_millis(self.written.load(Relaxed)));
        if read > LATELY {
            Health::Fails(format!("it could not be read for {} s", read.as_secs()))
        } else if written > LATELY {
            Health::Fails(format!("it could not be written for {} s", written.as_secs()))
        } else {
            Health::Answers
        }
    }

    /// Waits for all of a while. False when the threads are to end.
    pub fn wait_whole(&self, span: Duration) -> bool {
        let until = Instant::now() + span;
        let (mut threads, mut late) = (self.threads.lock(), false);
        while !threads.stopped && !late {
            (threads, late) = self.turn.wait_until(threads, until);
        }
        !threads.stopped
    }

    /// Ends the waiting of the threads that look at the store from time to time.
    pub fn wake(&self) {
        self.turn.notify_all();
    }

    /// Waits for a while. False when the threads are to end.
    pub fn wait(&self, span: Duration) -> bool {
        let mut threads = self.threads.lock();
        if !threads.stopped {
            (threads, _) = self.turn.wait_until(threads, Instant::now() + span);
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
    /// From now on this file is used. If it was another one, that is said, and what was known of its notices is to be told to this one.
    pub fn uses(&self, identity: Identity, place: &Place) {
        let before = self.file.lock().replace(identity);
        if before.is_some_and(|before| before != identity) {
            self.notices.renew();
            tracing::warn!(
                file = %place.path().display(),
                "the file of the session store was removed, moved or replaced: what is there now is used, and sessions in the other do \
                 not resume"
            );
        }
    }

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

#[cfg(test)]
mod tests {
    use reprise_session::{clock, session::SessionId};

    use super::*;
    use crate::store::{Consume, Disk, DiskOptions, Entry, Fetch, Notice, Store, wait};

    /// Far beyond what anything here takes. Reached only by a test that fails.
    const PATIENCE: Duration = Duration::from_secs(120);

    /// Whether each of so many who ask at once finds the session.
    fn found(disk: &Disk, id: SessionId, asking: usize) -> bool {
        let asked: Vec<_> = (0..asking).map(|_| disk.fetch(&id, Consume::Never, 0)).collect();
        let given_up = Instant::now() + PATIENCE;
        let answers = asked.into_iter().map(|asked| match asked {
            Fetch::Ready(answer) => answer,
            Fetch::Pending(mut answer) => wait::until(given_up, answer.as_mut()),
        });
        let answers: Vec<_> = answers.collect();
        answers.iter().all(|answer| matches!(answer, Ok(Some(_))))
    }

    #[test]
    fn each_thread_lives_on_after_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let [disk, other] = [(); 2].map(|()| Disk::open(dir.path(), DiskOptions::default()).unwrap());
        let told = Arc::new(AtomicU64::new(0));
        let tell = Arc::clone(&told);
        disk.observe_notices(Arc::new(move |notices| tell.store(notices.len() as u64, Relaxed)));
        let shared = Arc::clone(&disk.living().unwrap().shared);
        let restarts = || shared.vitals.list().into_iter().map(|vital| (vital.name, vital.restarts));
        let names: Vec<_> = restarts().map(|(name, _)| name).collect();
        assert_eq!(names.len(), READERS + 3, "{names:?}");
        names.iter().for_each(|name| shared.vitals.strike(name));
        // The writer ends with it in its hands.
        disk.put(SessionId::from([3; 32]), Entry::plain(100, 1_000), 0);
        let given_up = Instant::now() + PATIENCE;
        while restarts().any(|(_, restarts)| restarts == 0) {
            assert!(Instant::now() < given_up, "{:?}", shared.vitals.list());
            // What readers and the writer are woken by; the others go round.
            disk.put(SessionId::from([1; 32]), Entry::plain(100, 1_000), 0);
            found(&disk, SessionId::from([1; 32]), 2 * READERS);
        }
        // Each does again what it is there for.
        disk.put(SessionId::from([2; 32]), Entry::plain(100, 1_000), 0);
        assert!(disk.flush(PATIENCE), "nothing is written");
        assert!([2, 3].iter().all(|id| found(&disk, SessionId::from([*id; 32]), 2 * READERS)));
        let notice = Notice { bytes: vec![1], expires: clock::now() + 1_000 };
        drop(other.publish(notice, Duration::ZERO));
        while told.load(Relaxed) == 0 {
            assert!(Instant::now() < given_up, "nothing is heard");
            std::thread::yield_now();
        }
        assert!(restarts().all(|(_, restarts)| restarts == 1), "{:?}", shared.vitals.list());
    }
}
