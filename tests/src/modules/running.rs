//! A server's process, whichever it is.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::Guests;
use crate::{redis::free_port, until};

/// A server with the module in it, that listens. It is ended when dropped.
pub struct Running {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Running {
    /// Runs what `command` gives for a port until somebody listens there, in the place of these guests. `package` brings the program.
    pub fn start(guests: &Guests, package: &str, mut command: impl FnMut(u16) -> Command) -> Self {
        // A port that was free may be somebody else's a moment later.
        for _ in 0..10 {
            let port = free_port();
            let mut running = Self::run(guests, package, command(port), port);
            let mut ended = false;
            until("the server listens", || {
                ended = !matches!(running.process.try_wait(), Ok(None));
                ended || TcpStream::connect(running.address()).is_ok()
            });
            if !ended {
                return running;
            }
            let log = fs::read_to_string(&running.log).unwrap_or_default();
            assert!(log.to_lowercase().contains("address already in use"), "{package} does not start:\n{log}");
        }
        panic!("no {package} starts");
    }

    fn run(guests: &Guests, package: &str, mut command: Command, port: u16) -> Self {
        let log = guests.place().path("server.log");
        // Debian has servers where only root looks.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.env("OPENSSL_CONF", guests.place().path("openssl.cnf"));
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
