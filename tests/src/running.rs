//! A server's process, whichever it is.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Place, redis::free_port, until};

/// A server of a distribution's, that listens. It is ended when dropped.
pub struct Running {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Running {
    /// Runs what `command` gives for a port until somebody listens there, and keeps what it says in this place. `package` brings the program.
    pub fn start(place: &Place, package: &str, mut command: impl FnMut(u16) -> Command) -> Self {
        // A port that was free may be somebody else's a moment later.
        for _ in 0..10 {
            let port = free_port();
            match Self::start_at(port, place, package, command(port)) {
                Ok(running) => return running,
                Err(log) => {
                    assert!(log.to_lowercase().contains("address already in use"), "{package} does not start:\n{log}");
                }
            }
        }
        panic!("no {package} starts");
    }

    /// Runs `command`, which is for this port, until somebody listens there.
    ///
    /// # Errors
    /// What it has said, if it ends.
    pub fn start_at(port: u16, place: &Place, package: &str, command: Command) -> Result<Self, String> {
        let mut running = Self::run(place, package, command, port);
        let mut ended = false;
        until("the server listens", || {
            ended = !matches!(running.process.try_wait(), Ok(None));
            ended || TcpStream::connect(running.address()).is_ok()
        });
        if ended { Err(running.log()) } else { Ok(running) }
    }

    fn run(place: &Place, package: &str, mut command: Command, port: u16) -> Self {
        let log = place.path("server.log");
        // Debian has servers where only root looks.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.stdin(Stdio::null()).stdout(File::create(&log).unwrap());
        command.stderr(File::options().append(true).open(&log).unwrap());
        let process = command.spawn().unwrap_or_else(|error| {
            let program = Path::new(command.get_program()).display();
            panic!("`{program}` does not start ({error}). Install it, then try again:\n  apt-get install {package}")
        });
        Self { process, port, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Whether the module is in this process.
    pub fn has_module(&self, process: u32) -> bool {
        fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default().contains("reprise_module")
    }

    /// Ends its workers, each in the middle of what it does (SIGKILL), and is back when there are others.
    pub fn kill_workers(&self) {
        let before = self.workers();
        for worker in &before {
            let sent = Command::new("kill").args(["-KILL", &worker.to_string()]).status();
            assert!(sent.expect("`kill` is there").success());
        }
        until("there are new workers", || {
            let now = self.workers();
            !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
        });
    }

    /// The processes that it has started, which are those that serve.
    pub fn workers(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        children.split_whitespace().filter_map(|number| number.parse().ok()).collect()
    }

    /// Has it read its configuration again by this signal, and is back when new workers serve and the old ones are gone.
    pub fn reload(&self, signal: &str) {
        /// After so many looks it is told again: HAProxy says that it is ready before it listens to signals.
        const AGAIN: u32 = 2_500;
        let (before, mut looks) = (self.workers(), 0);
        until("there are new workers alone", || {
            if looks % AGAIN == 0 {
                let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
                assert!(sent.expect("`kill` is there").success());
            }
            looks += 1;
            let now = self.workers();
            !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
        });
        until("they listen", || TcpStream::connect(self.address()).is_ok());
    }

    /// Waits until it has said this so often.
    pub fn says(&self, words: &str, times: usize) {
        until(words, || self.log().matches(words).count() >= times);
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that the workers end with it.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
