//! An agent: a host without listeners, which modules in other processes ask over a Unix socket.
//!
//! - `workers`: its threads, and whom they wait for
//! - `pair`: the two lines of a module, and what comes on them
//! - `process`: a process with modules in it: its connections, and what came of them
//!
//! A module that asks once is likely to ask again at once: the thread that answered it waits for the next question for a moment,
//! and is found awake by it. Only then does it look after whoever else asks.

mod pair;
mod process;
mod workers;

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use reprise_session::vital::{Vital, Vitals};
use reprise_wire::socket::{Line, Listening, own_user};

pub use self::process::ProcessStatus;
pub(crate) use self::process::{Name, Process};
use self::workers::Shared;
use crate::Host;

/// How an agent listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// The socket.
    pub socket: PathBuf,
    /// The users who may ask, beside root and the agent's own. Empty: whoever the socket's permissions let in.
    pub uids: Vec<u32>,
}

/// Answers modules, as long as there is it and its host.
pub struct Agent {
    shared: Arc<Shared>,
    first: Option<JoinHandle<()>>,
    vitals: Vitals,
    /// The socket's file, by its number: it is removed if it is still this one.
    socket: (PathBuf, u64),
}

/// Why an agent does not listen.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Somebody listens there.
    #[error("{0}: an agent listens there already; end it, or choose another socket")]
    Taken(PathBuf),
    /// Something else is there.
    #[error("{0}: expected a socket or nothing, found another kind of file; choose another path for the socket")]
    NoSocket(PathBuf),
    /// The system does not let it.
    #[error("{path}: cannot listen there")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Agent {
    /// Listens, and answers for `host` from now on.
    ///
    /// # Errors
    /// Somebody listens at the socket, something else is there, or the system has no socket or no thread.
    pub fn start(host: &Arc<Host>, options: Options) -> Result<Self, AgentError> {
        let path = options.socket;
        let failed = |source| AgentError::Io { path: path.clone(), source };
        clear(&path)?;
        let listening = Listening::at(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode(&options.uids))).map_err(failed)?;
        let number = fs::symlink_metadata(&path).map_err(failed)?.ino();
        let shared = Arc::new(Shared::new(host, listening, options.uids).map_err(failed)?);
        let vitals = Vitals::default();
        let first = shared.clone();
        let first = vitals.thread("reprise-agent", move |_| workers::run(&first)).map_err(failed)?;
        Ok(Self { shared, first: Some(first), vitals, socket: (path, number) })
    }

    /// The processes whose modules are connected.
    pub fn processes(&self) -> Vec<ProcessStatus> {
        self.shared.processes()
    }

    /// How its threads are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        self.vitals.list()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let (path, number) = &self.socket;
        if fs::symlink_metadata(path).is_ok_and(|file| file.ino() == *number) {
            // It is gone with the folder, maybe.
            let _ = fs::remove_file(path);
        }
        self.shared.stop();
        if let Some(first) = self.first.take() {
            // It has said why, if it panicked.
            let _ = first.join();
        }
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("socket", &self.socket.0).finish_non_exhaustive()
    }
}

/// What the socket's permissions can say of who may ask; the rest is checked by who they are.
fn mode(uids: &[u32]) -> u32 {
    let own = [0, own_user()];
    if !uids.is_empty() && uids.iter().all(|uid| own.contains(uid)) { 0o600 } else { 0o666 }
}

/// Removes a socket that nobody listens at any more.
fn clear(path: &Path) -> Result<(), AgentError> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        return Err(AgentError::NoSocket(path.into()));
    }
    match Line::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|source| AgentError::Io { path: path.into(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(AgentError::Taken(path.into())),
    }
}
