//! The file of a store: its directory, and connections to it.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, Weak},
    thread,
    time::Duration,
};

use openssl::rand::rand_bytes;
use reprise_session::lock::Mutex;
use reprise_session::{ownership, process::PerProcess};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    error::DiskError,
    power,
    schema::{self, STEPS},
    set_aside,
};

const NAME: &str = "sessions.sqlite";

/// Where the last file is that could not be used.
const ASIDE: &str = "sessions.sqlite.damaged";

/// What SQLite puts beside a file: the journal, and of one with a log, that and its index.
const JOURNAL: &str = "-journal";
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// Where in its header a file says how it is written and read: 1 with a rollback journal, 2 with a log (SQLite's file format, 1.3.3).
const VERSIONS: u64 = 18;

/// How long a statement tries to get a lock that another process or thread holds: some times at once, for a look-up's is held for
/// microseconds, then in steps of [`STEP`]. A batch's is held for milliseconds.
const PATIENCE: Duration = Duration::from_millis(500);
const SOON: i32 = 10;
const STEP: Duration = Duration::from_micros(200);

/// How often a file that others hold is tried at the start, for [`PATIENCE`] each time.
const OPENINGS: u32 = 10;

/// How often a file that is replaced while it is opened is opened again.
const MOVES: u32 = 5;

/// The process that has connections open, or had the first. SQLite keeps the locks of a process's connections in
/// static memory; a forked child has a copy of it and none of the locks, so a connection that the child opened to the same file
/// would believe in locks that are not there, and other processes could write under it.
static CONNECTED: OnceLock<PerProcess<()>> = OnceLock::new();

/// Where a store is.
#[derive(Clone, Debug)]
pub struct Place {
    dir: PathBuf,
    path: PathBuf,
    /// A log and its index, if there were any: looked for at each use.
    log: PathBuf,
    index: PathBuf,
    /// The most bytes of the file.
    size: u64,
}

/// Which file stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl From<Metadata> for Identity {
    fn from(metadata: Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// A connection, and which file it is to. In this order: closing a file drops every lock that this process has on it.
pub struct Opened {
    pub connection: Connection,
    pub identity: Identity,
    _file: Arc<File>,
}

/// The files that this process has connections to, each open once more. POSIX's locks, which SQLite's are, belong to the process and
/// go with the first descriptor of the file that is closed: so there is one, and it is closed with the last connection.
static FILES: Mutex<BTreeMap<(u64, u64), Weak<File>>> = Mutex::new(BTreeMap::new());

fn held(path: &Path) -> io::Result<(Identity, Arc<File>)> {
    let mut files = FILES.lock();
    files.retain(|_, file| file.strong_count() > 0);
    let identity = Identity::from(fs::metadata(path)?);
    if let Some(file) = files.get(&(identity.device, identity.inode)).and_then(Weak::upgrade) {
        return Ok((identity, file));
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let identity = Identity::from(file.metadata()?);
    let key = (identity.device, identity.inode);
    if let Some(there) = files.get(&key).and_then(Weak::upgrade) {
        // It changed places with another meanwhile, and must not be closed.
        std::mem::forget(file);
        return Ok((identity, there));
    }
    let file = Arc::new(file);
    files.insert(key, Arc::downgrade(&file));
    Ok((identity, file))
}

impl Place {
    /// Makes the directory and the file where they are missing, and brings an earlier version up to date. What is no store or is
    /// damaged is set aside. No connection stays open.
    ///
    /// # Errors
    /// As [`DiskError`] says.
    pub fn prepare(dir: &Path, size: u64) -> Result<Self, DiskError> {
        let beside = |suffix| dir.join(format!("{NAME}{suffix}"));
        let (path, log, index) = (beside(""), beside(LOG), beside(INDEX));
        let place = Self { dir: dir.to_owned(), path, log, index, size };
        place.make()?;
        Ok(place)
    }

    /// Sees to it that there is a store.
    pub fn make(&self) -> Result<(), DiskError> {
        let locked = self.lock()?;
        self.make_locked()?;
        drop(locked);
        Ok(())
    }

    /// Of several processes one makes the file, and the others find it made.
    fn lock(&self) -> Result<File, DiskError> {
        let unusable = |error| DiskError::Directory { path: self.dir.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(unusable)?;
        if let Some(exposed) = ownership::exposed(&self.dir) {
            return Err(DiskError::Exposed(exposed));
        }
        self.not_forked()?;
        File::open(&self.dir).and_then(|dir| dir.lock().map(|()| dir)).map_err(unusable)
    }

    fn make_locked(&self) -> Result<(), DiskError> {
        match self.try_make() {
            Err(DiskError::Damaged { error, .. }) => {
                self.set_aside(&error)?;
                self.try_make()
            }
            made => made,
        }
    }

    fn try_make(&self) -> Result<(), DiskError> {
        let unusable = |error| DiskError::Directory { path: self.dir.clone(), error };
        let damaged = |error: &str| DiskError::Damaged { path: self.path.clone(), error: error.into() };
        match fs::symlink_metadata(&self.path) {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(damaged("it is no regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&self.path);
                made.map_err(unusable)?;
            }
            Err(error) => return Err(unusable(error)),
        }
        if let Some(exposed) = ownership::file_exposed(&self.path) {
            return Err(DiskError::Exposed(exposed));
        }
        let journal = self.beside(JOURNAL);
        if fs::symlink_metadata(&journal).is_ok_and(|there| !there.is_file()) {
            tracing::warn!(file = %journal.display(), "what stands in the place of the session store's journal is set aside");
            set_aside::replace(&journal, &self.aside(JOURNAL)).map_err(unusable)?;
        }
        let alone = self.writes_a_log().map_err(unusable)?;
        if self.has_log() && !alone {
            return Err(damaged("it has no log of its own, and one stands beside it"));
        }
        let reading = |error| DiskError::reading(&self.path, error);
        let mut opened = patiently(|| self.open_as(alone)).map_err(reading)?;
        // Of a log that was taken into the file just now.
        set_aside::replace_if_there(&self.index, &self.aside(INDEX)).map_err(unusable)?;
        schema::migrate(&mut opened.connection, &self.path, STEPS)?;
        patiently(|| power::check(&mut opened.connection)).map_err(reading)
    }

    /// Moves what stands under the store's name out of the way, with the reason.
    fn set_aside(&self, why: &str) -> Result<(), DiskError> {
        let aside = self.aside("");
        let unusable = |error| DiskError::Directory { path: self.dir.clone(), error };
        set_aside::replace(&self.path, &aside).map_err(unusable)?;
        // What belongs to that file is good for no other.
        for of_its in [JOURNAL, LOG, INDEX] {
            set_aside::replace_if_there(&self.beside(of_its), &self.aside(of_its)).map_err(unusable)?;
        }
        tracing::warn!(
            file = %self.path.display(), aside = %aside.display(), why,
            "the session store on disk cannot be used: it is set aside, and an empty one takes its place; what is lost are sessions"
        );
        Ok(())
    }

    /// Sets the file aside that has this identity, if it is still there: it was found to be damaged.
    pub fn give_up(&self, identity: Identity, why: &str) -> Result<(), DiskError> {
        let locked = self.lock()?;
        if self.identity().is_ok_and(|there| there == identity) {
            self.set_aside(why)?;
        }
        self.make_locked()?;
        drop(locked);
        Ok(())
    }

    /// Which file is there now.
    pub fn identity(&self) -> io::Result<Identity> {
        fs::metadata(&self.path).map(Identity::from)
    }

    /// Whether a log (WAL) stands beside the file, which SQLite uses then, whatever the file says; or the index of one, which tells that
    /// somebody does.
    pub fn has_log(&self) -> bool {
        [&self.log, &self.index].into_iter().any(|of_a_log| fs::symlink_metadata(of_a_log).is_ok())
    }

    /// Whether the file says that it is written by way of a log, as the first version was.
    fn writes_a_log(&self) -> io::Result<bool> {
        let mut versions = [0; 2];
        let read = held(&self.path)?.1.read_at(&mut versions, VERSIONS)?;
        Ok(read == versions.len() && versions == [2; 2])
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("{NAME}{suffix}"))
    }

    fn aside(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("{ASIDE}{suffix}"))
    }

    /// Whether SQLite can be used on a store's file in this process.
    pub fn not_forked(&self) -> Result<(), DiskError> {
        match CONNECTED.get() {
            Some(parents) if !parents.is_here() => Err(DiskError::Forked { path: self.path.clone() }),
            _ => Ok(()),
        }
    }

    /// From now on this process has connections open: its children cannot.
    pub fn connected(&self) {
        CONNECTED.get_or_init(|| PerProcess::new(()));
    }

    /// A connection for one thread, to the file that is there.
    pub fn open(&self) -> rusqlite::Result<Opened> {
        self.open_as(false)
    }

    fn open_as(&self, alone: bool) -> rusqlite::Result<Opened> {
        for _ in 0..MOVES {
            let (identity, file) = held(&self.path).map_err(cannot_open)?;
            let connection = self.connect(alone)?;
            if self.identity().is_ok_and(|there| there == identity) {
                return Ok(Opened { connection, identity, _file: file });
            }
        }
        Err(cannot_open(io::Error::other("the file is replaced again and again")))
    }

    /// - A rollback journal, and no log (WAL) with an index that is shared by mapping a file: that one, truncated by whoever, is SIGBUS.
    ///   So nothing here is mapped, neither an index nor the file (`mmap_size`).
    /// - `synchronous = OFF`: nothing waits for the disk. A killed process loses nothing that it has committed, for that is with the
    ///   system, and leaves a journal by which the next one completes or undoes what it was at. What a loss of power does is seen to by
    ///   `power`.
    /// - A statement's plan does not depend on what is bound to it (QPSG): else SQLite, which is built with STAT4, plans each look-up again.
    fn connect(&self, alone: bool) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_handler(Some(|tries: i32| {
            if tries < SOON {
                thread::yield_now();
                return true;
            }
            thread::sleep(STEP);
            STEP.saturating_mul(tries.unsigned_abs()) < PATIENCE
        }))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if alone {
            // The index of its log is on the heap then.
            connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        }
        let mode: String = connection.query_row("PRAGMA journal_mode = TRUNCATE", [], |row| row.get(0))?;
        if mode != "truncate" {
            return Err(cannot_open(io::Error::other(format!("it is written by way of {mode}, and not of a journal"))));
        }
        if alone {
            connection.query_row("PRAGMA locking_mode = NORMAL", [], |_| Ok(()))?;
        }
        connection.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192",
        )?;
        let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u64>(0))?.max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {}", (self.size / page).max(1)), [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Has what was committed written to the disk.
    pub fn sync(&self) -> io::Result<()> {
        held(&self.path)?.1.sync_data()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Does it again while other processes hold the file, as those that write without a pause do.
fn patiently<T>(mut act: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    for _ in 1..OPENINGS {
        match act() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            done => return done,
        }
    }
    act()
}

fn cannot_open(error: io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), Some(error.to_string()))
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
        bytes = (reprise_session::clock::since_epoch().as_nanos() as u64).to_ne_bytes();
    }
    bytes
}
