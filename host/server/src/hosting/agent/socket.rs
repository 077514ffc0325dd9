//! Where modules ask: the socket's folder, its file, and who gets to it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use reprise::{
    Host,
    agent::{Agent, Options},
};

/// Anybody may come in: who may ask is for the agent to check, who is told by the system who it is.
const OPEN: u32 = 0o666;
/// Nobody but the agent's user and root has to come in.
const OWN: u32 = 0o600;

/// Where modules ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) path: PathBuf,
    /// Users whose processes may; none: any.
    pub(crate) uids: Vec<u32>,
}

impl Socket {
    /// Has modules ask `host` here.
    ///
    /// # Errors
    /// Another agent listens here, something that is no socket has the name, or the folder is missing or not ours to write to.
    pub(in crate::hosting) fn listen(&self, host: &Arc<Host>) -> Result<Agent> {
        let shown = self.path.display();
        prepare(&self.path)?;
        let options = Options { socket: self.path.clone(), uids: self.uids.clone() };
        let agent = Agent::start(host, options).with_context(|| format!("modules cannot ask at {shown}"))?;
        // The agent removes it when it is dropped, also where this fails.
        fs::set_permissions(&self.path, Permissions::from_mode(self.mode()))
            .with_context(|| format!("{shown} cannot be opened to modules"))?;
        Ok(agent)
    }

    /// What the file's permissions can say of who may ask.
    fn mode(&self) -> u32 {
        let (me, root) = (nix::unistd::geteuid().as_raw(), 0);
        if !self.uids.is_empty() && self.uids.iter().all(|uid| *uid == me || *uid == root) { OWN } else { OPEN }
    }
}

/// Makes the folder if it is not there, and removes a socket at which nobody listens any more.
fn prepare(path: &Path) -> Result<()> {
    let shown = path.display();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o755).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let shown = folder.display();
                return Err(error).with_context(|| format!("the socket's folder {shown} cannot be made"));
            }
            _ => {}
        }
    }
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be looked at")),
    };
    if !there.file_type().is_socket() {
        bail!("{shown} is there and no socket: move it away, or choose another --socket");
    }
    match knock(path) {
        // Whoever listens without being of our kind listens, too.
        Ok(()) | Err(nix::Error::EPROTOTYPE | nix::Error::EAGAIN) => bail!(
            "another agent listens at {shown}: stop it, or choose another path (`reprise agent --socket`, `reprise serve --agent`)"
        ),
        Err(nix::Error::ECONNREFUSED) => fs::remove_file(path)
            .with_context(|| format!("{shown}, at which nobody listens any more, cannot be removed")),
        Err(error) => Err(error).with_context(|| format!("whether somebody listens at {shown} cannot be told")),
    }
}

/// Whether somebody listens: as a module would, and gone again without a word.
fn knock(path: &Path) -> nix::Result<()> {
    use std::os::fd::AsRawFd;
    // A listener whose queue is full is not waited for.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let knocks = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    connect(knocks.as_raw_fd(), &UnixAddr::new(path)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn host() -> Arc<Host> {
        Arc::new(Host::builder().build().unwrap())
    }

    fn at(path: PathBuf) -> Socket {
        Socket { path, uids: Vec::new() }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_made_in_one_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("run/agent.sock"));
        let agent = socket.listen(&host()).unwrap();
        assert_eq!((mode(&dir.path().join("run")) | 0o022, mode(&socket.path)), (0o777 & !0o022 | 0o022, 0o666));
        drop(agent);
        assert!(!socket.path.exists());
        let error = at(dir.path().join("no/such/agent.sock")).listen(&host()).err().unwrap().to_string();
        assert!(error.contains("no/such cannot be made"), "{error}");
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        let nobody = reprise_wire::socket::Listening::at(&socket.path).unwrap();
        drop(nobody);
        assert!(socket.path.exists());
        let _agent = socket.listen(&host()).unwrap();
        knock(&socket.path).unwrap();
    }

    #[test]
    fn the_socket_of_whoever_listens_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        let _first = socket.listen(&host()).unwrap();
        let error = socket.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("another agent listens"), "{error}");
        knock(&socket.path).unwrap();
        let other = at(dir.path().join("other.sock"));
        let _listener = UnixListener::bind(&other.path).unwrap();
        let error = other.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("another agent listens") && other.path.exists(), "{error}");
    }

    #[test]
    fn what_is_no_socket_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        fs::write(&socket.path, "precious").unwrap();
        let error = socket.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read(&socket.path).unwrap(), b"precious");
    }

    #[test]
    fn where_only_its_own_user_may_ask_nobody_else_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let me = nix::unistd::geteuid().as_raw();
        for (uids, expected) in [(vec![me, 0], OWN), (vec![me, 33], OPEN), (vec![33], OPEN), (vec![], OPEN)] {
            let socket = Socket { path: dir.path().join("agent.sock"), uids };
            let _agent = socket.listen(&host()).unwrap();
            assert_eq!(mode(&socket.path), expected, "{:?}", socket.uids);
        }
    }
}
