//! What a loss of power leaves, and what is done about it.
//!
//! Nothing that is committed waits for the disk, so that a machine which stops without a word may
//! leave a file of pages of different ages. Therefore the store says in which start of the machine
//! it is being written without being synced. Whoever opens it after another start looks through the
//! file, and where pages do not fit each other gives it up. No record is believed for being there:
//! each is sealed.

use std::{sync::mpsc, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::file;

/// How long a file is looked through before it is given up: some hundred megabytes.
const LOOK: Duration = Duration::from_secs(5);

/// Looks whether the machine was stopped under the store, and if so whether the file is whole. From
/// now on it is written in this start.
///
/// # Errors
/// It is not, or cannot be read.
pub fn check(connection: &mut Connection) -> rusqlite::Result<()> {
    let boot = file::boot();
    let unsynced: i64 = connection.query_row("SELECT unsynced FROM store", [], |row| row.get(0))?;
    if unsynced == boot {
        return Ok(());
    }
    if unsynced != 0 {
        look_through(connection)?;
        tracing::info!("the machine stopped while the session store on disk was written; the file is whole");
    }
    mark(connection)
}

/// Says, on the disk before anything else is, that the store is written in this start of the machine.
pub fn mark(connection: &mut Connection) -> rusqlite::Result<()> {
    synced(connection, |connection| connection.execute("UPDATE store SET unsynced = ?1", [file::boot()]).map(drop))
}

/// Says that all is on the disk, and sees to it, unless another process than `node` uses the store.
pub fn settle(connection: &mut Connection, node: i64) -> rusqlite::Result<()> {
    synced(connection, |connection| {
        let settle = "UPDATE store SET unsynced = 0 WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE node <> ?1)";
        connection.execute(settle, [node]).map(drop)
    })
}

/// A transaction after which it, and all before it, is on the disk.
pub fn synced<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let changed = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        let changed = change(&transaction)?;
        transaction.commit()?;
        Ok(changed)
    });
    connection.pragma_update(None, "synchronous", "OFF")?;
    changed
}

fn look_through(connection: &Connection) -> rusqlite::Result<()> {
    let interrupt = connection.get_interrupt_handle();
    let (done, waits) = mpsc::channel::<()>();
    let watch = thread::Builder::new().name("reprise-disk-q".into()).spawn(move || {
        if waits.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let found = match watch {
        Ok(_) => connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)),
        Err(_) => Ok("no thread to look through it".into()),
    };
    drop(done);
    let damaged = |why: &str| {
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let why = format!("the machine stopped while it was written, and {why}");
        Err(rusqlite::Error::SqliteFailure(corrupt, Some(why)))
    };
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => damaged(&found),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            damaged("it takes too long to look through")
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::file::Place;

    fn unsynced(place: &Place) -> i64 {
        place.open().unwrap().connection.query_row("SELECT unsynced FROM store", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_store_of_before_a_loss_of_power_is_looked_through() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::prepare(dir.path(), 1 << 24).unwrap();
        assert_eq!(unsynced(&place), file::boot());
        let connection = place.open().unwrap().connection;
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            INSERT INTO sessions SELECT i, zeroblob(32), 9, 1, 0, 0, 1, 2, 0, zeroblob(100) FROM n;
            UPDATE store SET unsynced = unsynced + 1";
        connection.execute_batch(fill).unwrap();
        drop(connection);
        let kept = |place: &Place| {
            let connection = place.open().unwrap().connection;
            connection.query_row("SELECT count(*) FROM sessions", [], |row| row.get::<_, u32>(0)).unwrap()
        };
        let place = Place::prepare(dir.path(), 1 << 24).unwrap();
        assert_eq!((kept(&place), unsynced(&place)), (2000, file::boot()), "it is whole");

        // Pages of another age.
        place.open().unwrap().connection.execute_batch("UPDATE store SET unsynced = unsynced + 1").unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[0; 65_536], 65_536).unwrap();
        drop(file);
        let place = Place::prepare(dir.path(), 1 << 24).unwrap();
        assert_eq!((kept(&place), unsynced(&place)), (0, file::boot()));
        assert!(dir.path().join("sessions.sqlite.damaged").exists());
    }
}
