//! Why a store on disk cannot be opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

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
    /// The file is something else.
    #[error(
        "{}: this is no session store: it is another program's file, or none of SQLite's; expected one that reprise made: move it \
         away, or give the store another directory",
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
    /// The file is damaged.
    #[error(
        "{}: the session store is damaged ({error}); {TO_MEND}",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: String,
    },
    /// The file system lacks what several processes need to share the file.
    #[error(
        "{}: the file system cannot share the session store among processes (SQLite's WAL mode); expected a local disk: give the \
         store a directory on one",
        path.display()
    )]
    NoWal {
        /// The file.
        path: PathBuf,
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

/// What to do about a damaged file.
pub const TO_MEND: &str =
    "stop every server that uses it, remove the directory, and start again: what is lost are sessions";

impl DiskError {
    pub(super) fn reading(path: &Path, error: rusqlite::Error) -> Self {
        let (path, code) = (path.to_owned(), error.sqlite_error_code());
        let error = error.to_string();
        match code {
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, error },
            _ => Self::Unusable { path, error },
        }
    }
}
