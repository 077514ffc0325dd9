//! Sessions as rows.

use std::hash::Hasher;

use reprise_session::session::SessionId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use siphasher::sip::SipHasher24;

use crate::store::{Entry, Found, Priority, Reach, RecordBytes, Removal, Removed};

/// A session as it is stored.
pub struct Stored {
    pub expires: u64,
    pub single_use: bool,
    pub reach: Reach,
    pub since: u64,
    /// When the machine was started that it was put on: [`boot`](super::file::boot).
    pub boot: i64,
    pub fetches: u32,
    pub record: RecordBytes,
}

impl Stored {
    /// What waits to be written, as it will be.
    pub fn waiting(entry: &Entry, since: u64, boot: i64) -> Self {
        let &Entry { expires, single_use, reach, .. } = entry;
        Self { expires, single_use, reach, since, boot, fetches: 0, record: entry.record.clone() }
    }

    pub fn found(self, consumed: bool, fetches: u32, now: u64) -> Found {
        Found {
            record: self.record,
            prototype: None,
            fetches: self.fetches.saturating_add(fetches),
            consumed,
            single_use: self.single_use,
            wants_prototype: false,
            reach: self.reach,
            remaining: Some(self.expires.saturating_sub(now)),
            since: Some(self.since),
            tier: 0,
        }
    }

    fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            expires: row.get::<_, i64>(first)?.cast_unsigned(),
            single_use: row.get(first + 1)?,
            reach: reach(row.get(first + 2)?),
            since: row.get::<_, i64>(first + 3)?.cast_unsigned(),
            boot: row.get(first + 4)?,
            fetches: u32::try_from(row.get::<_, i64>(first + 5)?).unwrap_or(u32::MAX),
            record: RecordBytes::new(row.get(first + 6)?),
        })
    }
}

const FIND: &str = "SELECT notices, expires, single_use, reach, since, boot, fetches, record
     FROM store LEFT JOIN sessions ON slot = ?1 AND id = ?2";

/// What is under `id`, and where the notices stand, by one statement: both as they were at one moment.
pub fn find(connection: &Connection, id: &SessionId) -> rusqlite::Result<(i64, Option<Stored>)> {
    let mut find = connection.prepare_cached(FIND)?;
    find.query_row(params![slot(id), id.as_bytes()], |row| {
        let there = row.get_ref(1)? != rusqlite::types::ValueRef::Null;
        Ok((row.get(0)?, there.then(|| Stored::read(row, 1)).transpose()?))
    })
}

/// Takes out what is under `id`.
pub fn take(connection: &Connection, id: &SessionId) -> rusqlite::Result<Option<Stored>> {
    let mut take = connection.prepare_cached(
        "DELETE FROM sessions WHERE slot = ?1 AND id = ?2
         RETURNING expires, single_use, reach, since, boot, fetches, record",
    )?;
    take.query_row(params![slot(id), id.as_bytes()], |row| Stored::read(row, 0)).optional()
}

/// Puts `entry` under `id`, and gives what was in its place.
pub fn put(
    connection: &Connection,
    id: &SessionId,
    entry: &Entry,
    since: u64,
    boot: i64,
) -> rusqlite::Result<Option<Removed>> {
    let slot = slot(id);
    let mut insert = connection.prepare_cached(
        "INSERT INTO sessions (slot, id, expires, priority, single_use, reach, since, boot, fetches, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9) ON CONFLICT DO NOTHING",
    )?;
    let mut insert = || {
        insert.execute(params![
            slot,
            id.as_bytes(),
            number(entry.expires),
            priority(entry.priority),
            entry.single_use,
            entry.reach == Reach::Fleet,
            number(since),
            boot,
            &*entry.record,
        ])
    };
    if insert()? == 1 {
        return Ok(None);
    }
    let mut replaced = connection.prepare_cached("DELETE FROM sessions WHERE slot = ?1 RETURNING id, reach, record")?;
    let replaced = replaced.query_row([slot], |row| removed(row, Removal::Replaced)).optional()?;
    insert()?;
    Ok(replaced)
}

/// Counts fetches of what is under `id`.
pub fn count(connection: &Connection, id: &SessionId, fetches: u32) -> rusqlite::Result<()> {
    let mut count =
        connection.prepare_cached("UPDATE sessions SET fetches = fetches + ?3 WHERE slot = ?1 AND id = ?2")?;
    count.execute(params![slot(id), id.as_bytes(), fetches]).map(drop)
}

/// Counts `more` sessions, and gives the store's count of notices and of sessions, and in which
/// start of the machine it is written. Within a transaction.
pub fn grow(connection: &Connection, more: i64) -> rusqlite::Result<(i64, u64, i64)> {
    let mut grow = connection.prepare_cached(if more == 0 {
        "SELECT notices, sessions, unsynced FROM store WHERE ?1 = 0"
    } else {
        "UPDATE store SET sessions = max(0, sessions + ?1) RETURNING notices, sessions, unsynced"
    })?;
    grow.query_row([more], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?)))
}

/// A row of `id, reach, record`.
pub fn removed(row: &Row<'_>, why: Removal) -> rusqlite::Result<Removed> {
    let id: [u8; 32] = row.get(0)?;
    Ok(Removed { id: SessionId::from(id), reach: reach(row.get(1)?), record: RecordBytes::new(row.get(2)?), why })
}

/// The row's number. The hash has no secret: the host has checked the ids' keyed half, so that nobody chooses them.
fn slot(id: &SessionId) -> i64 {
    let mut hasher = SipHasher24::new();
    hasher.write(id.as_bytes());
    hasher.finish().cast_signed()
}

/// SQLite's integers are signed.
pub fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn priority(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

fn reach(fleet: bool) -> Reach {
    if fleet { Reach::Fleet } else { Reach::Node }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::disk::file::Place;

    #[test]
    fn a_look_up_is_planned_once_and_not_for_each_session() {
        let dir = tempfile::tempdir().unwrap();
        let connection = Place::prepare(dir.path(), 1 << 20).unwrap().open().unwrap().connection;
        for number in 0..3 {
            assert!(find(&connection, &SessionId::from([number; 32])).unwrap().1.is_none());
        }
        let planned = connection.prepare_cached(FIND).unwrap().get_status(StatementStatus::RePrepare);
        assert_eq!(planned, 0);
    }
}
