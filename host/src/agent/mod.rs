//! An agent: a host without listeners, which modules in other processes ask over a Unix socket.
//!
//! - `line`: what one module's process asks, and is answered

mod line;

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use reprise_session::vital::{Ended, Vital, Vitals};
use reprise_wire::socket::{Line, Listening};
use serde::{Deserialize, Serialize};

use crate::Host;

/// How an agent listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its socket.
    pub socket: PathBuf,
    /// Who may ask; empty: whoever the socket's permissions let in.
    pub uids: Vec<u32>,
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The socket cannot be had.
    #[error("{0} cannot be listened on")]
    Socket(PathBuf, #[source] io::Error),
    /// The system has no thread.
    #[error("a thread cannot start")]
    Thread(#[source] io::Error),
}

/// A process whose module asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// The program, as its settings name it.
    pub program: String,
    /// Its process.
    pub process: u32,
    /// Handshakes in full.
    pub full: u64,
    /// Handshakes that resumed a session.
    pub resumed: u64,
}

/// Listens for modules, as long as it lives.
pub struct Agent {
    socket: PathBuf,
    processes: line::Processes,
    vitals: Vitals,
    stopped: Arc<AtomicBool>,
}

impl Agent {
    /// Listens at the socket.
    ///
    /// # Errors
    /// Something is there, or the folder is not ours to write to.
    pub fn start(host: &Arc<Host>, options: Options) -> Result<Self, AgentError> {
        let socket = options.socket;
        let listening = Listening::at(&socket).map_err(|error| AgentError::Socket(socket.clone(), error))?;
        let agent =
            Self { socket, processes: line::Processes::default(), vitals: Vitals::default(), stopped: Arc::default() };
        let (host, processes, stopped) = (Arc::downgrade(host), agent.processes.clone(), agent.stopped.clone());
        let accept = move |_: &_| {
            while let (Ok(line), false) = (listening.accept(), stopped.load(Ordering::Acquire)) {
                let (host, processes) = (host.clone(), processes.clone());
                thread::spawn(move || host.upgrade().map(|host| line::serve(&host, &processes, line)));
            }
            Ended::told_if(stopped.load(Ordering::Acquire))
        };
        agent.vitals.thread("reprise-agent", accept).map_err(AgentError::Thread)?;
        Ok(agent)
    }

    /// The processes that are connected.
    pub fn processes(&self) -> Vec<ProcessStatus> {
        let processes = self.processes.lock();
        let there = processes.iter().filter_map(|(key, process)| Some((key, process.upgrade()?)));
        let status = there.map(|((program, process), _)| ProcessStatus {
            program: program.clone(),
            process: *process,
            full: 0,
            resumed: 0,
        });
        status.collect()
    }

    /// How its threads are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        self.vitals.list()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = Line::connect(&self.socket);
        let _ = fs::remove_file(&self.socket);
    }
}
