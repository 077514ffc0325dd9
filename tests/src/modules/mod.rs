//! An agent, and servers that nobody rebuilt, with the OpenSSL module in them.
//!
//! - `agents`: an agent with arguments of its own, and what operators ask it
//! - `nginx`, `others`, `chrooted`: servers, and how they are configured; `postgres`: PostgreSQL, and
//!   `quic`: QUIC by OpenSSL, which are left alone

mod agents;
mod chrooted;
mod nginx;
mod others;
mod postgres;
mod quic;

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub use self::{
    chrooted::haproxy_in_chroot,
    nginx::{nginx, nginx_at},
    others::{Python, haproxy, httpd, python, stunnel},
    postgres::{Postgres, postgres},
    quic::{openssl_serves_quic, quic, visit_over_quic},
};
pub use crate::Running;
use crate::{Place, built, certificates::Identity, until};

/// A site of a server's.
pub struct Site<'a> {
    /// Its name, which is a server name.
    pub name: &'a str,
    /// Its certificate.
    pub identity: &'a Identity,
    /// What else stands in its part of the configuration.
    pub more: &'a str,
}

/// Files for an agent and for the servers that ask it. Servers that give up root can reach them.
pub struct Guests {
    place: Place,
}

impl Default for Guests {
    fn default() -> Self {
        Self::new()
    }
}

impl Guests {
    /// Without policies; with an OpenSSL configuration that names the module.
    pub fn new() -> Self {
        Self::with("")
    }

    /// With these lines more in the module's section.
    pub fn with(more: &str) -> Self {
        // Long enough for a machine that does much else.
        let deadline = if more.contains("deadline") { "" } else { "deadline = 1000ms" };
        // Where the socket's file is out of reach, the agent is found by its name, unless it is said otherwise.
        let guests = Self { place: Place::new() };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(guests.place.path("."), open).unwrap();
        fs::create_dir(guests.place.path("run")).unwrap();
        let secret = if more.contains("secret") {
            String::new()
        } else {
            format!("secret = {}", guests.state().join("module.secret").display())
        };
        let configuration = format!(
            "openssl_conf = start\n[start]\nreprise = reprise_section\n[reprise_section]\npath = {}\nprogram = tested\nsocket = {}\n{secret}\n{deadline}\n{more}\n",
            built::module().canonicalize().unwrap().display(),
            guests.socket().display(),
        );
        guests.place.write("openssl.cnf", configuration);
        guests
    }

    /// Their files.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the agent listens.
    pub fn socket(&self) -> PathBuf {
        self.place.path("run").join("agent.sock")
    }

    /// The agent's folder of state.
    pub fn state(&self) -> PathBuf {
        self.place.path("run").join("state")
    }

    /// Runs what `command` gives for a port, with the module in it, until somebody listens there. `package` brings the program.
    pub fn start(&self, package: &str, mut command: impl FnMut(u16) -> Command) -> Running {
        Running::start(&self.place, package, |port| self.with_module(command(port)))
    }

    /// The same at this port.
    ///
    /// # Errors
    /// What it has said, if it ends.
    pub fn start_at(&self, port: u16, package: &str, command: Command) -> Result<Running, String> {
        Running::start_at(port, &self.place, package, self.with_module(command))
    }

    fn with_module(&self, mut command: Command) -> Command {
        command.env("OPENSSL_CONF", self.place.path("openssl.cnf"));
        command
    }

    /// An agent that listens, with the policies of this place.
    pub fn agent(&self) -> Agent {
        self.agent_of(None)
    }

    /// The same as another user, which takes root.
    pub fn agent_of(&self, user: Option<u32>) -> Agent {
        let mut command = self.command();
        if let Some(user) = user {
            chown(self.place.path("run"), Some(user), Some(user)).expect("the tests run as root");
            command.uid(user).gid(user);
        }
        self.started(command)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(built::server());
        command.args(["agent", "--socket"]).arg(self.socket()).arg("--policies").arg(self.place.path("policies"));
        command.arg("--state-dir").arg(self.state());
        command
    }

    fn started(&self, mut command: Command) -> Agent {
        let process = command.stdin(Stdio::null()).spawn().expect("the agent starts");
        let agent = Agent { process };
        until("the agent listens", || {
            fs::symlink_metadata(self.socket())
                .is_ok_and(|file| file.file_type().is_socket() && file.permissions().mode() & 0o777 == 0o666)
        });
        agent
    }
}

/// An agent. It is killed when dropped, and leaves its socket behind.
pub struct Agent {
    process: Child,
}

impl Agent {
    /// Stops it in the middle of what it does (SIGSTOP).
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
