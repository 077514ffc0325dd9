//! What every process that uses the store has to know.
//!
//! The store counts the changes of its notices. Whoever looks something up reads that count in the
//! same statement, and where it has moved on reads the notices and tells the observer before it
//! answers: so no process finds a session without knowing what was published before.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use super::table;
use crate::store::{Notice, NoticeObserver};

pub struct Notices {
    /// The count that the observer was told of last.
    known: AtomicI64,
    /// When the store was last read: milliseconds since `made`.
    heard: AtomicU64,
    made: Instant,
    told: Mutex<Told>,
    /// The file is another one, or was emptied: what is in force is to be told to it.
    retell: AtomicBool,
    /// When that was found: milliseconds since `made`, and one.
    renewed: AtomicU64,
}

#[derive(Default)]
struct Told {
    observer: Option<NoticeObserver>,
    /// What the observer was told last.
    notices: Vec<Notice>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            known: AtomicI64::new(0),
            heard: AtomicU64::new(0),
            made: Instant::now(),
            told: Mutex::default(),
            retell: AtomicBool::new(false),
            renewed: AtomicU64::new(0),
        }
    }
}

impl Notices {
    /// From now on this observer is told.
    pub fn observe(&self, observer: NoticeObserver) {
        let mut told = self.told.lock();
        told.observer = Some(observer);
        self.known.store(0, Ordering::Release);
    }

    /// Tells the observer if the store's count, read just now, is one that it was not told of.
    pub fn catch_up(&self, connection: &Connection, count: i64) -> rusqlite::Result<()> {
        let known = self.known.load(Ordering::Acquire);
        // A thread may have read its count before another caught up with a later one; read again it
        // has grown, or was lost.
        if count < known && self::count(connection)? < known {
            self.renew();
        }
        if count > self.known.load(Ordering::Acquire) {
            // Told under the lock: else the older of two lists could be told last.
            let mut told = self.told.lock();
            if count > self.known.load(Ordering::Acquire) {
                let (count, notices) = read(connection)?;
                told.take_in(notices);
                self.known.store(count, Ordering::Release);
            }
        }
        self.heard.store(self.made.elapsed().as_millis() as u64, Ordering::Release);
        Ok(())
    }

    /// The store has lost its notices, or may have: they are read again, and what it does not have is told to it.
    pub fn renew(&self) {
        self.known.store(0, Ordering::Release);
        self.renewed.store(self.made.elapsed().as_millis() as u64 + 1, Ordering::Release);
        self.retell.store(true, Ordering::Release);
    }

    /// For how long the file has been another one than before; none if it is the first.
    pub fn renewed(&self) -> Option<Duration> {
        let at = self.renewed.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.made.elapsed().saturating_sub(Duration::from_millis(at)))
    }

    /// What is to be told to the store, once. Whoever cannot tell it says so: [`Notices::renew`].
    pub fn to_retell(&self) -> Vec<Notice> {
        if !self.retell.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let now = reprise_session::clock::now();
        self.told.lock().notices.iter().filter(|notice| notice.expires > now).cloned().collect()
    }

    /// The count that the observer knows.
    pub fn known(&self) -> i64 {
        self.known.load(Ordering::Acquire)
    }

    /// How long ago the store was read.
    pub fn age(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Acquire)))
    }
}

impl Told {
    /// Tells the observer what the store has, with what is in force and what the store has not: it was lost there.
    fn take_in(&mut self, notices: Vec<Notice>) {
        let now = reprise_session::clock::now();
        let stored: HashSet<(&[u8], u64)> = notices.iter().map(|notice| (&*notice.bytes, notice.expires)).collect();
        self.notices.retain(|notice| notice.expires > now && !stored.contains(&(&notice.bytes, notice.expires)));
        drop(stored);
        self.notices.splice(..0, notices);
        if let Some(observer) = &self.observer {
            observer(self.notices.clone());
        }
    }
}

/// The store's count.
pub fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT notices FROM store")?.query_row([], |row| row.get(0))
}

/// Adds a notice, and gives the count with it. Within a transaction.
pub fn add(connection: &Connection, notice: &Notice) -> rusqlite::Result<i64> {
    let known = "SELECT 1 FROM notices WHERE bytes = ?1 AND expires = ?2";
    let known = connection.query_row(known, params![notice.bytes, table::number(notice.expires)], |_| Ok(()));
    // What was not answered in time is published again.
    if known.optional()?.is_none() {
        let add = "INSERT INTO notices (bytes, expires) VALUES (?1, ?2)";
        connection.execute(add, params![notice.bytes, table::number(notice.expires)])?;
        connection.execute("UPDATE store SET notices = notices + 1", [])?;
    }
    count(connection)
}

/// Forgets the notices that have expired. Within a transaction.
pub fn expire(connection: &Connection, now: u64) -> rusqlite::Result<()> {
    let gone = connection.prepare_cached("DELETE FROM notices WHERE expires <= ?1")?.execute([table::number(now)])?;
    if gone > 0 {
        connection.execute("UPDATE store SET notices = notices + 1", [])?;
    }
    Ok(())
}

/// The count and the notices that go with it.
fn read(connection: &Connection) -> rusqlite::Result<(i64, Vec<Notice>)> {
    let mut read = connection
        .prepare_cached("SELECT store.notices, bytes, expires FROM store LEFT JOIN notices ON true ORDER BY number")?;
    let (mut count, mut notices) = (0, Vec::new());
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        count = row.get(0)?;
        if let Some(bytes) = row.get(1)? {
            notices.push(Notice { bytes, expires: row.get::<_, i64>(2)?.cast_unsigned() });
        }
    }
    Ok((count, notices))
}
