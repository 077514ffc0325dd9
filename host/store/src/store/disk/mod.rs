//! The store on this machine's disk: SQLite, one file, written by several processes.
//!
//! # Layout
//!
//! - `file`: the directory and connections to the file; `schema`: its tables and versions; `error`: why it does not open; `power`: what a
//!   loss of power leaves; `set_aside`: where what cannot be used goes
//! - `living`: what is alive in one process: its threads, which are
//!   - `reader`: looks sessions up, for `jobs` that wait
//!   - `writer`: writes what is in the `queue`, batch by batch, and gives up what has no `room`
//!   - `watch`: hears what other processes consumed or removed, and the `notices` that they published
//!   - `sync`: has what is committed written to the disk
//! - `table`: sessions as rows

mod error;
mod file;
mod jobs;
mod living;
mod notices;
mod power;
mod queue;
mod reader;
mod room;
mod schema;
mod set_aside;
mod sync;
mod table;
mod watch;
mod writer;

use std::{
    fmt,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::Ordering::{Relaxed, Release},
        mpsc,
    },
    time::{Duration, Instant},
};

use reprise_session::{process::PerProcess, session::SessionId, vital::Vital};
use rusqlite::ErrorCode;
use tokio::sync::oneshot;

pub use self::error::DiskError;
use self::{
    file::{Opened, Place},
    jobs::Job,
    living::{Common, Living},
    queue::Urgent,
};
use super::{
    Answer, Consume, Entry, Fetch, Health, InvalidationObserver, Later, Notice, NoticeObserver, Published, RecordBytes,
    Removal, RemovalObserver, Removed, Scope, Store, Unavailable, Usage,
};

/// How long `remove` and `peek`, which are called off handshakes, wait for the disk.
const PATIENCE: Duration = Duration::from_millis(100);

/// And while the disk did not answer within that the last time: enough for one that is well again to show it.
const PATIENCE_AFTER_A_HANG: Duration = Duration::from_millis(5);

/// How long a store that goes waits until what was put is written, and again until the file is closed.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);

/// What a store on disk may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskOptions {
    /// The most bytes of the file with the sessions. Its journal, beside it, takes some MiB more while something is written. A
    /// file that is larger already gives up sessions and is not made smaller. The default is 1 GiB.
    pub size: u64,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { size: 1 << 30 }
    }
}

/// Keeps sessions on this machine's disk, for all its processes, through restarts and crashes.
///
/// **What is lost.** `put` queues, and a thread writes what is queued together, some milliseconds later. A process that is
/// killed (`kill -9`) loses what it had queued and nothing that was written. A machine that loses power loses what was not synced,
/// most often some 5 seconds, and where that left a file that is not whole, all of it: it is looked through at the next start. So a
/// session that was consumed or removed may be back after that; to a fetch that consumes, none is given that was put before the
/// machine started last. Notices are synced.
///
/// **What is done to the file.** One that is removed, moved or replaced is noticed by every process before it uses it again; one that is
/// damaged is set aside as `sessions.sqlite.damaged`. Nothing is mapped, so that no file can end the process.
///
/// **Look-ups** are answered by threads of the store's, so that a disk that hangs holds nobody beyond the deadline. A fetch that consumes
/// is a transaction: of any number of them, in any processes, one finds the session.
///
/// **What is given up first.** Expired sessions, as time goes by. Where there is no room, sessions of low priority, all of them before
/// any of normal, and those before any of high; within each those that expire first, for which use is not looked at.
///
/// **A full disk** takes no puts: they are counted in [`Usage::dropped`] until there is room again. Fetches go on, but for those that
/// consume, which need some room.
///
/// **Who is told.** The observer of removals is told, in the process where it happens and with the record, of what is
/// consumed, expired, evicted, replaced by a put of this store, or dropped; not of what happens to sessions in other
/// processes, where theirs is told. The observer of invalidations is told within about a quarter of a second of what other processes
/// consumed or removed. [`Found::fetches`](super::Found::fetches) counts those of all processes, each of which writes its own about
/// once a second.
///
/// **A fork.** SQLite cannot be used in a child of a process that has used it. A store opens the file and closes it again, and keeps
/// it open from the first session on. So a process that builds a host, forks and leaves serving to its children is fine. In a
/// child of a process that has served, the store is [`Unavailable`].
///
/// The file is for a local file system, whose locks hold.
pub struct Disk {
    place: Place,
    common: Arc<Common>,
    living: OnceLock<PerProcess<Living>>,
}

impl Disk {
    /// The store in the directory `path`, which is made, for this user only, if it is missing.
    ///
    /// # Errors
    /// Others may write there; what is there is another program's database, or of a later version; it cannot be read or written.
    /// Each names the path and says what to do.
    pub fn open(path: impl AsRef<Path>, options: DiskOptions) -> Result<Self, DiskError> {
        let place = Place::prepare(path.as_ref(), options.size)?;
        let disk = Self { place, common: Arc::default(), living: OnceLock::new() };
        disk.look()?;
        Ok(disk)
    }

    /// Waits until what was put before is written, `patience` at most. Whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let Ok(Some(living)) = self.alive() else { return self.living.get().is_none() };
        let (reply, written) = mpsc::sync_channel(1);
        living.shared.queue.flush(reply);
        written.recv_timeout(patience).is_ok()
    }

    /// Reads what is there, tells of notices, and leaves the file closed.
    fn look(&self) -> Result<(), DiskError> {
        let looked = self.place.open().and_then(|Opened { connection, identity, .. }| {
            self.common.uses(identity, &self.place);
            let (count, sessions, _) = table::grow(&connection, 0)?;
            self.common.notices.catch_up(&connection, count)?;
            self.common.counts.sessions.store(sessions, Relaxed);
            self.common.counts.bytes.store(room::Pages::count(&connection)?.bytes(), Relaxed);
            Ok(())
        });
        looked.map_err(|error| DiskError::reading(self.place.path(), error))
    }

    /// What is alive in this process, which it is from the first call on.
    fn living(&self) -> Result<&Living, Unavailable> {
        if let Some(living) = self.alive()? {
            return Ok(living);
        }
        self.place.not_forked().map_err(|error| Unavailable(error.to_string()))?;
        self.place.connected();
        self.living.get_or_init(|| PerProcess::new(Living::start(self.place.clone(), self.common.clone())));
        self.alive()?.ok_or_else(|| self.forked())
    }

    /// What is alive in this process already.
    fn alive(&self) -> Result<Option<&Living>, Unavailable> {
        let Some(living) = self.living.get() else { return Ok(None) };
        living.get().map(Some).ok_or_else(|| self.forked())
    }

    fn forked(&self) -> Unavailable {
        Unavailable(DiskError::Forked { path: self.place.path().into() }.to_string())
    }
}

impl Store for Disk {
    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn kind(&self) -> &'static str {
        "disk"
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        let Entry { record, reach, .. } = &entry;
        let left = |why| Removed { id, record: record.clone(), reach: *reach, why };
        if entry.expires <= now {
            self.common.tell([left(Removal::Expired)]);
            return drop(self.alive().map(|living| living.map(|living| living.forget(id))));
        }
        match self.living() {
            Err(_) => self.common.drop_put([left(Removal::Evicted)]),
            Ok(living) => match living.shared.queue.put(id, entry, now) {
                Some(left) if left.why == Removal::Evicted => self.common.drop_put([left]),
                left => self.common.tell(left),
            },
        }
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        let living = match self.living() {
            Ok(living) => living,
            Err(error) => return Fetch::Ready(Err(error.into())),
        };
        let (id, (reply, mut answer)) = (*id, oneshot::channel::<Answer>());
        let shared = &living.shared;
        let taken = match consume {
            Consume::Always => shared.queue.urge(Urgent::Take { id, now, reply }),
            Consume::Never => shared.jobs.push(Job::Fetch { id, now, asked: Instant::now(), reply }),
        };
        if !taken {
            return Fetch::Ready(Err(not_taken().into()));
        }
        if consume != Consume::Always
            && let Some(answer) = shared.jobs.soon(&mut answer)
        {
            return Fetch::Ready(answer);
        }
        Fetch::Pending(Box::pin(async { answer.await.unwrap_or_else(|_| Err(not_taken().into())) }))
    }

    /// Waits for a tenth of a second at most. If the disk takes longer, the session is not given out in this process from now on,
    /// and in others once it does.
    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        let living = self.living().ok()?;
        living.wait(living.forget(*id)?)
    }

    /// Queues it, and waits for nothing. The session is not given out in this process from now on.
    fn forget(&self, id: &SessionId) {
        if let Ok(living) = self.living() {
            drop(living.forget(*id));
        }
    }

    /// Waits for a tenth of a second at most.
    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        let living = self.living().ok()?;
        let (reply, record) = mpsc::sync_channel(1);
        living.shared.jobs.push(Job::Peek { id: *id, reply }).then(|| living.wait(record)).flatten()
    }

    /// Has the writer give up what has expired, a part at a time.
    fn maintain(&self, now: u64) {
        if let Ok(Some(living)) = self.alive() {
            living.shared.queue.maintain(now);
        }
    }

    /// The first observer stays.
    fn observe_removals(&self, observer: RemovalObserver) {
        let _ = self.common.removals.set(observer);
    }

    fn publish(&self, notice: Notice, wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        let (reply, answer) = oneshot::channel();
        let taken = match self.living() {
            Ok(living) => living.shared.queue.urge(Urgent::Publish { notice, wait, reply }),
            Err(error) => return Some(Box::pin(async { Err(error) })),
        };
        Some(Box::pin(async move {
            let answer = if taken { answer.await.ok() } else { None };
            answer.unwrap_or_else(|| Err(not_taken()))
        }))
    }

    /// Tells at once of what is there.
    fn observe_notices(&self, observer: NoticeObserver) {
        self.common.notices.observe(observer);
        if self.place.not_forked().is_ok()
            && let Err(error) = self.look()
        {
            tracing::warn!(%error, "the notices on disk cannot be read; they are before the first session is found");
        }
    }

    /// The first observer stays.
    fn observe_invalidations(&self, observer: InvalidationObserver) {
        let _ = self.common.invalidations.set(observer);
    }

    /// Before the first session, since the store was opened.
    fn notices_age(&self) -> Option<Duration> {
        Some(self.common.notices.age())
    }

    fn vitals(&self) -> Vec<Vital> {
        let living = self.alive().ok().flatten();
        living.map(|living| living.shared.vitals.list()).unwrap_or_default()
    }

    /// Before the first session nothing is asked of it: then it was well when it was opened.
    fn health(&self) -> Health {
        match self.alive() {
            Ok(None) => Health::Answers,
            Ok(Some(living)) => living.shared.health(),
            Err(error) => Health::Fails(error.0),
        }
    }

    /// Sessions and bytes are those of all processes, as of a quarter of a second ago at most; the rest is of this one.
    fn usage(&self) -> Usage {
        self.common.usage()
    }
}

impl Living {
    /// Has the session under `id` removed.
    fn forget(&self, id: SessionId) -> Option<mpsc::Receiver<Option<RecordBytes>>> {
        let (reply, record) = mpsc::sync_channel(1);
        self.shared.queue.remove(id, reply).then_some(record)
    }

    /// What comes within [`PATIENCE`]. A disk that hangs is waited for once so long, and then briefly until it answers again.
    fn wait(&self, record: mpsc::Receiver<Option<RecordBytes>>) -> Option<RecordBytes> {
        let patience = if self.stuck.load(Relaxed) { PATIENCE_AFTER_A_HANG } else { PATIENCE };
        let waited = record.recv_timeout(patience);
        self.stuck.store(matches!(waited, Err(mpsc::RecvTimeoutError::Timeout)), Release);
        waited.ok().flatten()
    }
}

/// Writes what is queued and closes the file, within some seconds.
impl Drop for Disk {
    fn drop(&mut self) {
        if let Ok(Some(living)) = self.alive() {
            self.flush(PATIENCE_AT_THE_END);
            living.shared.stop();
            living.shared.ended(PATIENCE_AT_THE_END);
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.place.path()).finish_non_exhaustive()
    }
}

/// What SQLite answered, for who asked.
fn unavailable(error: &rusqlite::Error) -> Unavailable {
    Unavailable(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            format!("the session store on disk is damaged ({error}); it is set aside, and a new one takes its place")
        }
        Some(ErrorCode::DatabaseBusy) => "the session store on disk is held by another process".into(),
        _ => format!("the session store on disk cannot be used: {error}"),
    })
}

fn not_taken() -> Unavailable {
    Unavailable("the session store on disk does not keep up: too many wait for it, or its threads are gone".into())
}
