//! Why a host does not start in a process.

use reprise_policy::{policies_dir::DirError, policy::RuntimeError};

/// A host that does not start in this process: when it is built, and in each forked child.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The engine does not work here.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The directory of policies cannot be watched.
    #[error(transparent)]
    Policies(#[from] DirError),
    /// No thread can be started.
    #[error("no thread for removed sessions")]
    Thread(#[source] std::io::Error),
}
