//! A server's files.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    Server,
    certificates::{self, Identity},
};

/// A directory with what a server needs: `server.crt`, `server.key` and the directory `policies`.
/// It is gone when dropped.
pub struct Place {
    directory: TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// A place with a server's certificate and no policies.
    pub fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("policies")).unwrap();
        place.identity("server", &certificates::server());
        place
    }

    /// Where a file of this name is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Like [`Place::path`], as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("a temporary directory's path is UTF-8").to_owned()
    }

    /// Writes a file, in one step for whoever watches.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let fresh = self.path("being-written");
        fs::write(&fresh, content).unwrap();
        fs::rename(&fresh, &path).unwrap();
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn identity(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.key"), identity.key_pem());
        self.write(&format!("{name}.crt"), identity.certificate_pem());
    }

    /// Writes a policy's module, or its settings.
    pub fn policy(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write(&Path::new("policies").join(name).to_string_lossy(), content);
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The value of `--site` for `name`, with this place's certificate; `client_ca` is a file of it, or `none`.
    pub fn site(&self, name: &str, client_ca: &str) -> String {
        let client_ca = if client_ca == "none" { client_ca.to_owned() } else { self.arg(client_ca) };
        format!("{name}={},{},{client_ca}", self.arg("server.crt"), self.arg("server.key"))
    }

    /// A server on a free port, with this place's certificate, policies and directory `state` and
    /// with these arguments, once it listens.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_in(arguments, &[])
    }

    /// Like [`Place::serve`], with these variables in its environment.
    pub fn serve_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        self.serve_as(None, arguments, environment)
    }

    /// Like [`Place::serve`], by a user to whom permissions mean something: if these tests are root's, by `nobody`, who
    /// may read this place and owns nothing in it.
    pub fn serve_unprivileged(&self, arguments: &[&str]) -> Server {
        // The owner of a process's own entry there is its effective user.
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        for readable in [self.directory.path(), &self.path("policies"), &self.path("server.key")] {
            fs::set_permissions(readable, Permissions::from_mode(0o755)).unwrap();
        }
        // The one thing that is the server's to write.
        let state = self.path("state");
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
        self.serve_as(is_root.then_some(65_534), arguments, &[])
    }

    fn serve_as(&self, user: Option<u32>, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        self.command_line(arguments, |all| Server::start_as(user, &crate::built::server(), all, environment))
    }

    /// Like [`Place::serve`], by a program that runs what it is told after these arguments of its own.
    pub fn serve_by(&self, program: &str, before: &[&str], arguments: &[&str]) -> Server {
        let server = crate::built::server();
        let server = server.to_str().expect("its path is UTF-8");
        self.command_line(arguments, |all| Server::start(Path::new(program), &[before, &[server], all].concat(), &[]))
    }

    /// The arguments of [`Place::serve`] with these at their end.
    pub fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        self.command_line(arguments, |all| all.iter().map(ToString::to_string).collect())
    }

    fn command_line<T>(&self, arguments: &[&str], start: impl FnOnce(&[&str]) -> T) -> T {
        let (cert, key, policies) = (self.arg("server.crt"), self.arg("server.key"), self.arg("policies"));
        let state = self.arg("state");
        let mut all = vec!["serve", "--cert", &cert, "--key", &key, "--policies", &policies];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        if !arguments.contains(&"--state-dir") {
            all.extend(["--state-dir", &state]);
        }
        all.extend(arguments);
        start(&all)
    }
}
