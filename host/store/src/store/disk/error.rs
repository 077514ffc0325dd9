//! Why a store on disk cannot be opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

/// Why a file is used no more beside which a log stands.
pub(super) const LOGGED: &str = "a log stands beside it, and it is written without one";

/// A store on disk that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The directory cannot be made or read.
    #[error("{}: the directory of the session store cannot be used: {error}; expected a directory of this server's user on a local disk", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Others may write there.
    #[error("the session store is refused: {0}")]
    Exposed(String),
    /// The file is another program's database.
    #[error(
        "{}: this is no session store: it is another program's database; expected one that reprise made: move it away, or give the \
         store another directory",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program has made it.
    #[error(
        "{}: the session store has version {found}; expected {latest} at most: run the version of reprise that made it, or give \
         this one another directory",
        path.display()
    )]
    Later {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The latest version that this program knows.
        latest: usize,
    },
    /// The file is damaged or none of SQLite's, and cannot be set aside.
    #[error("{}: the session store is damaged ({error})", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: String,
    },
    /// A process that has used a store on disk has forked this one.
    #[error(
        "{}: this process was forked from one that had a session store on disk in use, and SQLite cannot be used in it any more: \
         fork before the first handshake, or execute a new program",
        path.display()
    )]
    Forked {
        /// The file.
        path: PathBuf,
    },
    /// SQLite or the system cannot read or write it.
    #[error("{}: the session store cannot be opened: {error}; see that this server's user may read and write it, and that the disk has room", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: String,
    },
}

impl DiskError {
    pub(super) fn moved(path: &Path) -> Self {
        Self::Unusable { path: path.to_owned(), error: "it was replaced meanwhile".into() }
    }

    pub(super) fn logged(path: &Path) -> Self {
        Self::Unusable { path: path.to_owned(), error: LOGGED.into() }
    }

    /// As SQLite would say that it cannot be opened.
    pub(super) fn into_sqlite(self) -> rusqlite::Error {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        rusqlite::Error::SqliteFailure(code, Some(self.to_string()))
    }

    pub(super) fn reading(path: &Path, error: rusqlite::Error) -> Self {
        let (path, code) = (path.to_owned(), error.sqlite_error_code());
        let error = error.to_string();
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, error },
            _ => Self::Unusable { path, error },
        }
    }
}
