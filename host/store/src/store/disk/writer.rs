//! The thread that writes: the one of its process, batch after batch, each a transaction.

use std::{
    collections::HashMap,
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use reprise_session::{session::SessionId, vital::Heart};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot::Sender;

use super::{
    DiskError,
    file::Opened,
    living::Shared,
    notices, power,
    queue::{Batch, Change, Numbered, Urgent},
    room::{self, Pages},
    table::{self, Stored},
    unavailable,
    watch::{self, Publication},
};
use crate::store::{Notice, Published, RecordBytes, Removal, Removed, Unavailable};

/// Between one batch that cannot be written and the next.
const PAUSE: Duration = Duration::from_millis(10);

/// Nobody waits for longer to hear who knows a notice.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What is given up at once where a file was made smaller, in bytes.
const SHRINK: usize = 64 << 10;

pub fn run(shared: &Shared, heart: &Heart) {
    let mut writer = Writer { shared, held: None, failures: 0 };
    while let Some(batch) = shared.queue.next() {
        let _busy = heart.works();
        writer.write(batch);
    }
    if let Some(Opened { connection, .. }) = &mut writer.held
        && let Err(error) = watch::leave(connection, shared.node).and_then(|()| power::settle(connection, shared.node))
    {
        tracing::debug!(%error, "the session store on disk was not told that this process leaves");
    }
}

struct Writer<'a> {
    shared: &'a Shared,
    held: Option<Opened>,
    failures: u64,
}

impl Writer<'_> {
    fn write(&mut self, mut batch: Batch) {
        self.retell();
        let publications: Vec<Urgent> =
            batch.urgent.extract_if(.., |urgent| matches!(urgent, Urgent::Publish { .. })).collect();
        match self.try_write(&batch) {
            Ok(done) => self.deliver(batch, done),
            Err(error) => self.not_written(batch, &error),
        }
        for publication in publications {
            if let Urgent::Publish { notice, wait, reply } = publication {
                self.publish(&notice, wait, reply);
            }
        }
    }

    /// What is done about a batch that was not written, by the reason.
    fn not_written(&mut self, mut batch: Batch, error: &rusqlite::Error) {
        let code = error.sqlite_error_code();
        if code == Some(ErrorCode::DatabaseBusy) {
            // Another process writes for longer than anybody waits for. Puts can.
            self.refuse(&mut batch, error);
            self.shared.queue.again(batch);
            return thread::sleep(PAUSE);
        }
        if code == Some(ErrorCode::DiskFull) {
            if self.make_room(&batch)
                && let Ok(done) = self.try_write(&batch)
            {
                return self.deliver(batch, done);
            }
            // To take out what is there may need no room.
            let urgent = Batch { urgent: std::mem::take(&mut batch.urgent), ..Batch::default() };
            match self.try_write(&urgent) {
                Ok(done) => self.deliver(urgent, done),
                Err(_) => batch.urgent = urgent.urgent,
            }
        } else {
            // What failed may lie in the connection.
            self.shared.failed(&mut self.held, error);
        }
        self.failures += 1;
        if self.failures.is_power_of_two() {
            tracing::warn!(%error, failures = self.failures, "sessions cannot be written to disk and are dropped");
        }
        self.refuse(&mut batch, error);
        self.shared.queue.give_up(batch.changes, |dropped| self.shared.common.drop_put([dropped]));
        thread::sleep(PAUSE);
    }

    /// Tells those who wait that it cannot be done.
    fn refuse(&self, batch: &mut Batch, error: &rusqlite::Error) {
        for urgent in batch.urgent.drain(..) {
            if let Urgent::Take { reply, .. } = urgent {
                let _ = reply.send(Err(unavailable(error).into()));
            }
        }
    }

    fn try_write(&mut self, batch: &Batch) -> rusqlite::Result<Done> {
        let shared = self.shared;
        let connection = &mut shared.connected(&mut self.held)?.connection;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut writing =
            Writing { shared, connection: &transaction, done: Done::default(), removed: HashMap::new(), more: 0 };
        let put = writing.changes(&batch.changes)?;
        writing.urgent(&batch.urgent)?;
        writing.upkeep(batch)?;
        writing.make_room(put, batch.maintain.is_some())?;
        let mut done = writing.finish()?;
        if done.unsynced != shared.boot {
            // Who left last said that all of it is on the disk. From now on it is not.
            drop(transaction);
            power::mark(connection)?;
            return self.try_write(batch);
        }
        transaction.commit()?;
        shared.wrote();
        // Before anybody is answered: who finds a session knows what was published before. It is
        // written, whatever becomes of this: a batch that failed would be written again, over what
        // other processes have consumed since.
        done.unheard = shared.common.notices.catch_up(connection, done.notices).err();
        if shared.place.has_log() {
            // Others may have taken from the file as it was without what is in the log.
            done.unheard = Some(DiskError::logged(shared.place.path()).into_sqlite());
        }
        Ok(done)
    }

    fn deliver(&mut self, batch: Batch, done: Done) {
        self.failures = 0;
        self.shared.committed.fetch_add((batch.urgent.len() + batch.changes.len()) as u64, Relaxed);
        self.shared.common.counts.sessions.store(done.sessions, Relaxed);
        if let Some(bytes) = done.bytes {
            self.shared.common.counts.bytes.store(bytes, Relaxed);
        }
        self.shared.common.tell(done.left);
        self.shared.queue.written(batch.changes);
        for (urgent, taken) in batch.urgent.into_iter().zip(done.taken) {
            match (urgent, taken) {
                (Urgent::Take { id, now, reply }, Taken::Session(stored)) => {
                    let fetches = self.shared.queue.taken(&id);
                    let found = stored.map(|stored| stored.found(true, fetches, now));
                    let _ = reply.send(done.unheard.as_ref().map_or(Ok(found), |error| Err(unavailable(error).into())));
                }
                (Urgent::Remove { reply, known, .. }, Taken::Record(record)) => drop(reply.try_send(record.or(known))),
                _ => {}
            }
        }
        if let Some(now) = batch.maintain.filter(|_| done.more) {
            self.shared.queue.maintain(now);
        }
        if done.unheard.is_some() {
            // What failed may lie in the connection. The thread that hears what is published meets
            // the same, and warns of it.
            self.held = None;
        }
    }

    /// Gives up sessions for this batch, if it is the store's bound that it met.
    fn make_room(&mut self, batch: &Batch) -> bool {
        let bytes = batch.changes.iter().map(|change| change.change.bytes() + room::weight(0)).sum::<usize>();
        let evicted = self.shared.connected(&mut self.held).and_then(|Opened { connection, .. }| {
            if !Pages::count(connection)?.at_bound() {
                return Ok(Vec::new());
            }
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut left = Vec::new();
            let evicted = room::evict(&transaction, 4 * bytes, &mut left)?;
            table::grow(&transaction, -(evicted as i64))?;
            transaction.commit()?;
            Ok(left)
        });
        let evicted = evicted.unwrap_or_default();
        let any = !evicted.is_empty();
        self.shared.common.tell(evicted);
        any
    }

    /// Publishes a notice. It is synced, with all that was committed before: a revocation outlives a power loss.
    fn publish(&mut self, notice: &Notice, wait: Duration, reply: Sender<Result<Published, Unavailable>>) {
        let until = Instant::now() + wait.min(LONGEST);
        match self.try_publish(std::slice::from_ref(notice)) {
            Ok(count) => {
                self.shared.publications.lock().push(Publication { count, until, reply });
                self.shared.wake();
            }
            Err(error) => {
                self.shared.failed(&mut self.held, &error);
                let _ = reply.send(Err(unavailable(&error)));
            }
        }
    }

    /// Tells a store that took the place of another what is in force.
    fn retell(&mut self) {
        let notices = self.shared.common.notices.to_retell();
        if notices.is_empty() {
            return;
        }
        match self.try_publish(&notices) {
            Ok(_) => tracing::warn!(
                notices = notices.len(),
                "the session store on disk has lost notices, and is told them again"
            ),
            Err(error) => {
                tracing::debug!(%error, "the session store on disk is not told what it has lost");
                self.shared.failed(&mut self.held, &error);
                self.shared.common.notices.renew();
            }
        }
    }

    fn try_publish(&mut self, notices: &[Notice]) -> rusqlite::Result<i64> {
        let shared = self.shared;
        // Most of it is on the disk before others are held up for the rest.
        let _ = shared.place.sync();
        let Opened { connection, identity, .. } = shared.connected(&mut self.held)?;
        let count = power::synced(connection, |connection| {
            let mut count = 0;
            for notice in notices {
                count = notices::add(connection, notice)?;
            }
            // This process is one that knows, as soon as it is committed.
            watch::beat(connection, shared.node, count)?;
            Ok(count)
        })?;
        if !shared.place.identity().is_ok_and(|there| there == *identity) {
            return Err(DiskError::moved(shared.place.path()).into_sqlite());
        }
        shared.common.notices.catch_up(connection, count)?;
        Ok(count)
    }
}

/// What a transaction comes to, once it is committed.
#[derive(Default)]
struct Done {
    /// For each that is urgent.
    taken: Vec<Taken>,
    left: Vec<Removed>,
    /// The store's count of notices.
    notices: i64,
    /// Why they are not known here. A session that was taken is spent all the same, and not given
    /// out: it may be revoked, or taken by another.
    unheard: Option<rusqlite::Error>,
    sessions: u64,
    /// None where nothing was put.
    bytes: Option<u64>,
    /// In which start of the machine the store is written, as it says.
    unsynced: i64,
    /// There is more to maintain.
    more: bool,
}

enum Taken {
    Session(Option<Stored>),
    Record(Option<RecordBytes>),
}

/// A transaction that is going on.
struct Writing<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    done: Done,
    /// What its changes removed.
    removed: HashMap<SessionId, RecordBytes>,
    /// How many sessions more there are than before.
    more: i64,
}

impl Writing<'_> {
    /// Gives the bytes that were put.
    fn changes(&mut self, changes: &[Numbered]) -> rusqlite::Result<usize> {
        let mut bytes = 0;
        for Numbered { id, change, .. } in changes {
            match &**change {
                Change::Put { entry, since } => {
                    bytes += room::weight(entry.record.len());
                    let replaced = table::put(self.connection, id, entry, *since, self.shared.boot)?;
                    self.more += i64::from(replaced.is_none());
                    self.done.left.extend(replaced);
                }
                Change::Remove => {
                    if let Some(record) = self.remove(id)? {
                        self.removed.insert(*id, record);
                    }
                }
            }
        }
        Ok(bytes)
    }

    fn urgent(&mut self, urgent: &[Urgent]) -> rusqlite::Result<()> {
        for urgent in urgent {
            let taken = match urgent {
                // Nobody waits any more: it is not spent for nothing.
                Urgent::Take { reply, .. } if reply.is_closed() => Taken::Session(None),
                Urgent::Take { id, now, .. } => Taken::Session(self.take(id, *now)?),
                Urgent::Remove { id, .. } => {
                    let removed = self.removed.remove(id);
                    Taken::Record(removed.map_or_else(|| self.remove(id), |record| Ok(Some(record)))?)
                }
                Urgent::Publish { .. } => continue,
            };
            self.done.taken.push(taken);
        }
        Ok(())
    }

    /// Takes out what is under `id`, and gives it if it may be consumed. What was put before the
    /// machine was started last may not: that it was consumed then may be what the power loss took.
    fn take(&mut self, id: &SessionId, now: u64) -> rusqlite::Result<Option<Stored>> {
        let Some(stored) = table::take(self.connection, id)? else { return Ok(None) };
        self.more -= 1;
        watch::changed(self.connection, self.shared.node, id)?;
        let why = if stored.expires <= now {
            Removal::Expired
        } else if stored.boot != self.shared.boot {
            Removal::Evicted
        } else {
            Removal::Consumed
        };
        self.done.left.push(Removed { id: *id, record: stored.record.clone(), reach: stored.reach, why });
        Ok((why == Removal::Consumed).then_some(stored))
    }

    fn remove(&mut self, id: &SessionId) -> rusqlite::Result<Option<RecordBytes>> {
        let Some(stored) = table::take(self.connection, id)? else { return Ok(None) };
        self.more -= 1;
        watch::changed(self.connection, self.shared.node, id)?;
        Ok(Some(stored.record))
    }

    fn upkeep(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        for (id, fetches) in &batch.fetched {
            table::count(self.connection, id, *fetches)?;
        }
        if let Some(knows) = batch.beat {
            watch::beat(self.connection, self.shared.node, knows)?;
        }
        let Some(now) = batch.maintain else { return Ok(()) };
        let expired = room::expire(self.connection, now, &mut self.done.left)?;
        self.more -= expired as i64;
        self.done.more = expired >= room::PORTION || !batch.fetched.is_empty();
        notices::expire(self.connection, now)?;
        watch::forget(self.connection)
    }

    /// After the puts, so that these are among those that are weighed. Twice their size: where rows
    /// go, pages are free only once they are mostly empty.
    fn make_room(&mut self, put: usize, maintain: bool) -> rusqlite::Result<()> {
        let bytes = if put > 0 {
            2 * put
        } else if maintain {
            SHRINK
        } else {
            return Ok(());
        };
        let pages = Pages::count(self.connection)?;
        if pages.scarce() {
            self.more -= room::evict(self.connection, bytes, &mut self.done.left)? as i64;
        }
        self.done.bytes = Some(pages.bytes());
        Ok(())
    }

    fn finish(mut self) -> rusqlite::Result<Done> {
        (self.done.notices, self.done.sessions, self.done.unsynced) = table::grow(self.connection, self.more)?;
        Ok(self.done)
    }
}
