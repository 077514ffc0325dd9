//! An agent: a host without listeners, which modules in other processes ask over a Unix socket.
//!
//! - `line`: what one module's process asks, and is answered

mod line;

use std::{io, path::Path, sync::Arc, thread};

use reprise_wire::socket::Listening;

use crate::Host;

/// Listens for modules.
pub struct Agent {
    listening: Listening,
    host: Arc<Host>,
}

impl Agent {
    /// Listens at `socket`.
    ///
    /// # Errors
    /// Something is there, or the folder is not ours to write to.
    pub fn bind(host: Arc<Host>, socket: &Path) -> io::Result<Self> {
        Ok(Self { listening: Listening::at(socket)?, host })
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// No more connections can be accepted.
    pub fn serve(&self) -> io::Result<()> {
        let processes = line::Processes::default();
        loop {
            let line = self.listening.accept()?;
            let (host, processes) = (self.host.clone(), processes.clone());
            thread::spawn(move || line::serve(&host, &processes, line));
        }
    }
}
