//! Why a directory of policies is not watched.

use std::{io, path::PathBuf};

/// A directory of policies that cannot be kept in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirError {
    /// It is missing, or cannot be read.
    #[error("{}: the directory of policies cannot be read: make it, or name another", dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others may write it, which is refused ([`DirOptions::strict`](super::DirOptions::strict)).
    #[error("{0}")]
    Exposed(String),
    /// No thread can be started to watch it.
    #[error("no thread can be started to watch the directory of policies")]
    Thread(#[source] io::Error),
    /// It could not be looked at even once.
    #[error("{0}")]
    FirstScan(String),
    /// The thread that watches it ended before it had looked.
    #[error("the thread that watches the directory of policies ended early")]
    Ended,
}
