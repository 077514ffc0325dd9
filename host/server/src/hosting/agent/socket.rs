//! Where modules ask: the socket's folder, its file, and who gets to it.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use reprise::{
    Host,
    agent::{Agent, Options},
};

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
        make_folder(&self.path)?;
        Ok(Agent::start(host, Options { socket: self.path.clone(), uids: self.uids.clone() })?)
    }
}

/// Makes the socket's folder if it is not there.
fn make_folder(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o755).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let shown = folder.display();
                return Err(error).with_context(|| format!("the socket's folder {shown} cannot be made"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{fs::PermissionsExt, net::UnixListener},
    };

    use reprise_wire::socket::Line;

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
        Line::connect(&socket.path).unwrap();
    }

    #[test]
    fn the_socket_of_whoever_listens_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        let _first = socket.listen(&host()).unwrap();
        let error = socket.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("listens there already"), "{error}");
        Line::connect(&socket.path).unwrap();
        let other = at(dir.path().join("other.sock"));
        let _listener = UnixListener::bind(&other.path).unwrap();
        let error = other.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("listens there already") && other.path.exists(), "{error}");
    }

    #[test]
    fn what_is_no_socket_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        fs::write(&socket.path, "precious").unwrap();
        let error = socket.listen(&host()).err().unwrap().to_string();
        assert!(error.contains("another kind of file"), "{error}");
        assert_eq!(fs::read(&socket.path).unwrap(), b"precious");
    }

    #[test]
    fn where_only_its_own_user_may_ask_nobody_else_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let me = nix::unistd::geteuid().as_raw();
        for (uids, expected) in [(vec![me, 0], 0o600), (vec![me, 33], 0o666), (vec![33], 0o666), (vec![], 0o666)] {
            let socket = Socket { path: dir.path().join("agent.sock"), uids };
            let _agent = socket.listen(&host()).unwrap();
            assert_eq!(mode(&socket.path), expected, "{:?}", socket.uids);
        }
    }
}
