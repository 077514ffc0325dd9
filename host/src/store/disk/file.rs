//! The file of a store: its directory, and connections to it.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use openssl::rand::rand_bytes;
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    error::DiskError,
    schema::{self, STEPS},
};
use crate::{callbacks::process, ownership};

const NAME: &str = "sessions.sqlite";

/// How long a statement tries to get a lock that another process or thread holds, in steps of [`STEP`]. Locks are held for
/// a batch, which takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_micros(200);

/// The process that has connections open, 0 if none ever had. SQLite keeps the locks of a process's connections in
/// static memory; a forked child has a copy of it and none of the locks, so a connection that the child opened to the same file
/// would believe in locks that are not there, and other processes could write under it.
static CONNECTED: AtomicU32 = AtomicU32::new(0);

/// Where a store is.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    /// The most bytes of the file.
    size: u64,
}

impl Place {
    /// Makes the directory and the file where they are missing, and brings an earlier version up to date. No connection
    /// stays open.
    ///
    /// # Errors
    /// As [`DiskError`] says.
    pub fn prepare(dir: &Path, size: u64) -> Result<Self, DiskError> {
        let unusable = |error| DiskError::Directory { path: dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unusable)?;
        if let Some(exposed) = ownership::exposed(dir) {
            return Err(DiskError::Exposed(exposed));
        }
        let place = Self { path: dir.join(NAME), size };
        place.not_forked()?;
        // Of several processes one makes the file, and the others find it made.
        let locked = File::open(dir).and_then(|dir| dir.lock().map(|()| dir)).map_err(unusable)?;
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(&place.path);
        made.map_err(unusable)?;
        if let Some(exposed) = ownership::file_exposed(&place.path) {
            return Err(DiskError::Exposed(exposed));
        }
        let mut connection = place.open().map_err(|error| DiskError::reading(&place.path, error))?;
        schema::migrate(&mut connection, &place.path, STEPS)?;
        drop((connection, locked));
        Ok(place)
    }

    /// Whether SQLite can be used on a store's file in this process.
    pub fn not_forked(&self) -> Result<(), DiskError> {
        match CONNECTED.load(Ordering::Relaxed) {
            0 => Ok(()),
            connected if connected == process::id() => Ok(()),
            _ => Err(DiskError::Forked { path: self.path.clone() }),
        }
    }

    /// From now on this process has connections open: its children cannot.
    pub fn connected(&self) {
        CONNECTED.store(process::id(), Ordering::Relaxed);
    }

    /// A connection for one thread.
    ///
    /// - `synchronous = NORMAL`: the log (WAL) is synced before a checkpoint and not at each commit. A killed process loses
    ///   nothing that it has committed, for that is with the system; a power loss costs what was committed since the
    ///   last checkpoint, and never leaves a damaged file (sqlite.org/pragma.html#pragma_synchronous).
    /// - No mapping of the file, which is SQLite's default: a truncated file is then an error, not SIGBUS. (The index of the log, the
    ///   file `-shm`, is mapped; nothing in it outlives the processes that use it.)
    /// - Checkpoints are not for those who commit, but for a thread of their own.
    /// - A statement's plan does not depend on what is bound to it (QPSG): else SQLite, which is built with STAT4, plans each look-up again.
    pub fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_handler(Some(|tries: i32| {
            thread::sleep(STEP);
            STEP.saturating_mul(tries.unsigned_abs()) < PATIENCE
        }))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;
             PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192",
        )?;
        let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u64>(0))?.max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {}", (self.size / page).max(1)), [], |_| Ok(()))?;
        Ok(connection)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What tells this start of the machine from others. Where the system does not say, another one each time: then every entry
/// counts as one of before.
pub fn boot() -> i64 {
    let told = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let digits = told.map(|told| told.chars().filter(char::is_ascii_hexdigit).take(16).collect::<String>());
    let boot = digits.and_then(|digits| u64::from_str_radix(&digits, 16).ok());
    boot.unwrap_or_else(|| u64::from_ne_bytes(random())).cast_signed()
}

/// Eight random bytes; if there are none, those of the time, which are as good for telling processes apart.
pub fn random() -> [u8; 8] {
    let mut bytes = [0; 8];
    if rand_bytes(&mut bytes).is_err() {
        bytes = (crate::clock::since_epoch().as_nanos() as u64).to_ne_bytes();
    }
    bytes
}
