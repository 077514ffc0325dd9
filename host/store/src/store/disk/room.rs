//! What is given up: sessions that have expired, and, where there is too little room, those that would be missed least.

use rusqlite::{Connection, params};

use super::table;
use crate::store::{Removal, Removed};

/// Sessions given up by one statement. Their pages are read and written, so that this takes some milliseconds.
pub const PORTION: usize = 128;

/// What a row takes beside its record, with its place in the index.
const ROW: usize = 100;

/// The pages of a store, counted.
pub struct Pages {
    used: u64,
    all: u64,
    most: u64,
    size: u64,
}

impl Pages {
    pub fn count(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |what| connection.prepare_cached(what)?.query_row([], |row| row.get::<_, u64>(0));
        let all = number("PRAGMA page_count")?;
        let used = all.saturating_sub(number("PRAGMA freelist_count")?);
        Ok(Self { used, all, most: number("PRAGMA max_page_count")?, size: number("PRAGMA page_size")? })
    }

    pub fn bytes(&self) -> u64 {
        self.used * self.size
    }

    /// It is time to give something up for what comes: SQLite refuses to add pages beyond the most,
    /// and a sixteenth is for what a transaction needs while it moves rows about.
    pub fn scarce(&self) -> bool {
        self.used > self.most - self.most / 16
    }

    /// Whether it is this bound that a transaction met, and not the disk's.
    pub fn at_bound(&self) -> bool {
        self.all + self.most / 16 + 16 > self.most
    }
}

/// Gives up sessions that have expired, a portion at most, and says how many.
pub fn expire(connection: &Connection, now: u64, left: &mut Vec<Removed>) -> rusqlite::Result<usize> {
    let before = left.len();
    for priority in 0..3_i64 {
        let mut expire = connection.prepare_cached(
            "DELETE FROM sessions WHERE slot IN
                (SELECT slot FROM sessions WHERE priority = ?1 AND expires <= ?2 ORDER BY expires LIMIT ?3)
             RETURNING id, reach, record",
        )?;
        let room = PORTION - (left.len() - before);
        let gone = expire.query_map(params![priority, table::number(now), room as i64], |row| {
            table::removed(row, Removal::Expired)
        })?;
        for gone in gone {
            left.push(gone?);
        }
    }
    Ok(left.len() - before)
}

/// Gives up sessions until `bytes` are free, low priority before normal and that before high,
/// within each those that expire first. Which of them are used is not known here: to note each use
/// would make every look-up a write. What a store on disk has in abundance is room, and what
/// expires first has the least left to give. Says how many.
pub fn evict(connection: &Connection, bytes: usize, left: &mut Vec<Removed>) -> rusqlite::Result<usize> {
    let (mut freed, all) = (0, left.len());
    while freed < bytes {
        let mut evict = connection.prepare_cached(
            "DELETE FROM sessions WHERE slot IN (SELECT slot FROM sessions ORDER BY priority, expires LIMIT ?1)
             RETURNING id, reach, record",
        )?;
        let portion = ((bytes - freed) / (4 * ROW)).clamp(1, PORTION);
        let before = left.len();
        for gone in evict.query_map([portion as i64], |row| table::removed(row, Removal::Evicted))? {
            let gone = gone?;
            freed += weight(gone.record.len());
            left.push(gone);
        }
        if left.len() == before {
            break;
        }
    }
    Ok(left.len() - all)
}

/// About what a session takes.
pub fn weight(record: usize) -> usize {
    record + ROW
}
