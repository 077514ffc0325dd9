//! An agent: a host without listeners, which modules in other processes ask over a Unix socket.
//!
//! - `workers`: its threads, and whom they wait for
//! - `arriving`: who comes, and whether that may ask
//! - `leaving`: programs that are left alone
//! - `pair`: the two lines of a module, and what comes on them
//! - `process`: a process with modules in it: its connections, and what came of them; `whole`: sessions at hand
//! - `program`, `counts`: what came of them in all, for whom `metrics` has it, too
//!
//! A module that asks once is likely to ask again at once: the thread that answered it waits for the next question for a moment,
//! and is found awake by it. Only then does it look after whoever else asks.

mod arriving;
mod counts;
mod leaving;
#[cfg(feature = "metrics")]
mod metrics;
mod pair;
mod process;
mod program;
mod whole;
mod workers;

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use reprise_session::vital::{Vital, Vitals};
use reprise_wire::{
    secret::{Secret, SecretError},
    socket::{Line, Listening, own_user},
};

#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub(crate) use self::process::{Known, Name, Process};
pub use self::{counts::Counted, process::ProcessStatus, program::ProgramStatus};
use self::{
    leaving::Leaving,
    workers::{Doors, Shared},
};
use crate::Host;

/// How long an agent is given to take us in that may be listening at a socket of ours.
const PATIENCE: Duration = Duration::from_secs(1);

/// How an agent listens.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The socket.
    pub socket: PathBuf,
    /// The users who may ask, beside root and the agent's own. Empty: whoever the socket's permissions let in.
    pub uids: Vec<u32>,
    /// A file for a secret, which is made if it is not there, for modules that cannot reach the socket's file: in a chroot. They read it
    /// while they are root, ask under the socket's name (unix(7), "abstract"), and each side proves that it knows it.
    pub secret: Option<PathBuf>,
    /// A file, which need not be there, in which it is kept which programs are left alone ([`Agent::stand_down`]). Without one, an agent
    /// that starts takes all.
    pub stands_down: Option<PathBuf>,
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
    /// The file of the secret has none.
    #[error("{path}: {source}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// The file of programs that are left alone cannot be read.
    #[error("{path}: programs that are left alone cannot be read from it; remove it to have all taken")]
    StandsDown {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
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
        // First: whoever sees the socket finds what is in these files.
        let secret = options
            .secret
            .map(|path| Secret::read_or_make(&path).map_err(|source| AgentError::Secret { path, source }));
        let secret = secret.transpose()?;
        let leaving = options.stands_down.clone();
        let leaving = Leaving::read(leaving)
            .map_err(|source| AgentError::StandsDown { path: options.stands_down.unwrap_or_default(), source })?;
        clear(&path)?;
        let listening = Listening::at(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode(&options.uids))).map_err(failed)?;
        let number = fs::symlink_metadata(&path).map_err(failed)?.ino();
        let by_name = secret.and_then(|secret| Some((named(&path)?, secret)));
        let doors = Doors { by_file: listening, by_name, uids: options.uids };
        let shared = Arc::new(Shared::new(host, doors, leaving).map_err(failed)?);
        let vitals = Vitals::default();
        let first = shared.clone();
        let first = vitals.thread("reprise-agent", move |_| workers::run(&first)).map_err(failed)?;
        Ok(Self { shared, first: Some(first), vitals, socket: (path, number) })
    }

    /// The processes whose modules are connected.
    pub fn processes(&self) -> Vec<ProcessStatus> {
        self.shared.processes()
    }

    /// Has every process of this program left alone from its next handshake on, or, with `false`, taken again: its handshakes are what
    /// they would be without the module. A process that is connected hears of it when it asks next; that handshake is a full one. It asks
    /// again after a second whether it still holds. Without a program, it is said of all.
    ///
    /// # Errors
    /// It holds, and cannot be written to the file: an agent that starts again does not know.
    pub fn stand_down(&self, program: Option<&str>, stands_down: bool) -> io::Result<()> {
        self.shared.stand_down(program, stands_down)
    }

    /// Programs that are left alone; `*` for all.
    pub fn stands_down(&self) -> BTreeSet<String> {
        self.shared.stands_down()
    }

    /// The programs that have asked since it started, up to 1,024; what more there are is counted under `*`.
    pub fn programs(&self) -> Vec<ProgramStatus> {
        self.shared.programs()
    }

    /// What came of programs' handshakes, for Prometheus.
    #[cfg(feature = "metrics")]
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.shared)
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

/// Listens under the socket's name, for those who cannot reach its file. Where that is not to be had, they miss, and no more.
fn named(path: &Path) -> Option<Listening> {
    let listening = Listening::named(path);
    if let Err(error) = &listening {
        tracing::warn!(
            "servers in a chroot do not reach this agent: `@{}` cannot be listened at: {error}",
            path.display()
        );
    }
    listening.ok()
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
    match Line::connect(path, PATIENCE) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|source| AgentError::Io { path: path.into(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(AgentError::Taken(path.into())),
    }
}
