//! The database's schema, its versions, and the way from one to the next.
//!
//! A store of an earlier version is brought up to date when it is opened, in one transaction; one
//! of a later version is refused. So a step, once released, never changes.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::DiskError;

/// SQLite's mark of whose file it is (`PRAGMA application_id`): `RPRS`.
pub const APPLICATION: i32 = i32::from_be_bytes(*b"RPRS");

/// The steps, each from the version of its place to the one after it.
pub const STEPS: &[&str] = &[VERSION_1, VERSION_2];

/// A session is found by `slot`, a hash of its id: a table in order of such a number has small
/// inner pages, so that a look-up reads one page beside those that are always at hand. (Keyed by
/// the id itself, `WITHOUT ROWID`, records would lie in the inner pages too, ten to a page, and a
/// million sessions be six pages deep.) Of two sessions with one slot the later one stays; with a
/// million sessions there are two such with a chance of 1 in 37 million.
///
/// `store` has one row. `notices` there rises with every change of the notices, so that one look tells whether there is
/// something new.
const VERSION_1: &str = "
    CREATE TABLE sessions (
        slot INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        expires INTEGER NOT NULL,
        priority INTEGER NOT NULL,
        single_use INTEGER NOT NULL,
        reach INTEGER NOT NULL,
        since INTEGER NOT NULL,
        boot INTEGER NOT NULL,
        fetches INTEGER NOT NULL,
        record BLOB NOT NULL
    ) STRICT;
    CREATE INDEX sessions_to_give_up ON sessions (priority, expires);
    CREATE TABLE store (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        sessions INTEGER NOT NULL,
        notices INTEGER NOT NULL
    ) STRICT;
    INSERT INTO store VALUES (1, 0, 0);
    CREATE TABLE notices (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL, expires INTEGER NOT NULL) STRICT;
    CREATE TABLE nodes (
        node INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        heard INTEGER NOT NULL,
        knows INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE changes (number INTEGER PRIMARY KEY, node INTEGER NOT NULL, id BLOB NOT NULL) STRICT;
";

/// In which start of the machine the file is written without being synced; 0 where all of it is on the disk.
const VERSION_2: &str = "ALTER TABLE store ADD COLUMN unsynced INTEGER NOT NULL DEFAULT 0";

/// Brings the database up to date by `steps`. A file that is not ours is not changed.
///
/// # Errors
/// The file is not ours, of a later version, or damaged.
pub fn migrate(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), DiskError> {
    let failed = |error| DiskError::reading(path, error);
    let latest = steps.len();
    let version = inspect(connection, path, latest)?;
    if version == latest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for step in &steps[version..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
    transaction.pragma_update(None, "user_version", latest as i64).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The version of a file that is ours; 0 of an empty one.
fn inspect(connection: &Connection, path: &Path, latest: usize) -> Result<usize, DiskError> {
    let failed = |error| DiskError::reading(path, error);
    let number = |what: &str| connection.query_row(what, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != i64::from(APPLICATION) {
        return Err(DiskError::NotOurs { path: path.into() });
    }
    match usize::try_from(version) {
        Ok(version) if version <= latest => Ok(version),
        _ => Err(DiskError::Later { path: path.into(), found: version, latest }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(path: &Path) -> Connection {
        let mut connection = Connection::open(path).unwrap();
        migrate(&mut connection, path, STEPS).unwrap();
        connection
    }

    #[test]
    fn a_store_of_the_version_before_is_brought_up_to_date_and_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let connection = opened(&path);
        connection.execute("INSERT INTO sessions VALUES (5, x'07', 9, 1, 0, 0, 1, 2, 0, x'08')", []).unwrap();
        drop(connection);
        let next = "ALTER TABLE sessions ADD COLUMN colour INTEGER NOT NULL DEFAULT 3";
        for _ in 0..2 {
            let mut connection = Connection::open(&path).unwrap();
            migrate(&mut connection, &path, &[STEPS, &[next]].concat()).unwrap();
            let kept = "SELECT colour FROM sessions WHERE slot = 5";
            assert_eq!(connection.query_row(kept, [], |row| row.get(0)), Ok(3));
        }
        let refused = migrate(&mut Connection::open(&path).unwrap(), &path, STEPS);
        assert!(matches!(refused, Err(DiskError::Later { found, latest, .. }) if found == latest as i64 + 1));
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(opened(&path));
        let broken = ["ALTER TABLE sessions ADD COLUMN colour INTEGER", "nonsense"].join(";");
        let mut connection = Connection::open(&path).unwrap();
        assert!(migrate(&mut connection, &path, &[STEPS, &[&broken]].concat()).is_err());
        drop(connection);
        let connection = opened(&path);
        assert!(connection.prepare("SELECT colour FROM sessions").is_err());
    }
}
