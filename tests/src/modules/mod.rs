//! An agent, and servers that nobody rebuilt, with the OpenSSL module in them.
//!
//! - `nginx`: an nginx with several sites

mod nginx;

use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub use self::nginx::{Nginx, Site};
use crate::{Place, built, until};

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
        let guests = Self { place: Place::new() };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(guests.place.path("."), open).unwrap();
        let configuration = format!(
            "openssl_conf = start\n[start]\nreprise = reprise_section\n[reprise_section]\npath = {}\nprogram = nginx\nsocket = {}\n",
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
        self.place.path("agent.sock")
    }

    /// An agent that listens, with the policies of this place.
    pub fn agent(&self) -> Agent {
        let mut command = Command::new(built::server());
        command.args(["agent", "--socket"]).arg(self.socket()).arg("--policies").arg(self.place.path("policies"));
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
