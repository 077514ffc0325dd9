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

use crate::state_dir;

/// What agent and modules know, in the folder of state; `reprise module` tells modules of it.
const SECRET: &str = "module.secret";
/// Programs that are left alone.
const STANDS_DOWN: &str = "stands-down";

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
    pub(in crate::hosting) fn listen(&self, host: &Arc<Host>, state_dir: Option<&Path>) -> Result<Agent> {
        make_folder(&self.path)?;
        let state = state(state_dir)?;
        let in_state = |name| state.as_ref().map(|dir| dir.join(name));
        Ok(Agent::start(
            host,
            Options {
                socket: self.path.clone(),
                uids: self.uids.clone(),
                secret: in_state(SECRET),
                stands_down: in_state(STANDS_DOWN),
            },
        )?)
    }
}

/// The folder of state; none where it is nobody's wish and cannot be had.
fn state(given: Option<&Path>) -> Result<Option<PathBuf>> {
    let made = state_dir::choose(given).and_then(|dir| {
        state_dir::make(&dir).with_context(|| format!("--state-dir {} cannot be made", dir.display()))?;
        Ok(dir)
    });
    match made {
        Err(error) if given.is_some() => Err(error),
        made => Ok(made.ok()),
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

    fn listening(socket: &Socket) -> Result<Agent> {
        socket.listen(&host(), socket.path.parent())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_made_in_one_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("run/agent.sock"));
        let agent = listening(&socket).unwrap();
        assert_eq!((mode(&dir.path().join("run")) | 0o022, mode(&socket.path)), (0o777 & !0o022 | 0o022, 0o666));
        drop(agent);
        assert!(!socket.path.exists());
        let error = listening(&at(dir.path().join("no/such/agent.sock"))).err().unwrap().to_string();
        assert!(error.contains("no/such cannot be made"), "{error}");
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        let nobody = reprise_wire::socket::Listening::at(&socket.path).unwrap();
        drop(nobody);
        assert!(socket.path.exists());
        let _agent = listening(&socket).unwrap();
        Line::connect(&socket.path, std::time::Duration::ZERO).unwrap();
    }

    #[test]
    fn the_socket_of_whoever_listens_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        let _first = listening(&socket).unwrap();
        let error = listening(&socket).err().unwrap().to_string();
        assert!(error.contains("listens there already"), "{error}");
        Line::connect(&socket.path, std::time::Duration::ZERO).unwrap();
        let other = at(dir.path().join("other.sock"));
        let _listener = UnixListener::bind(&other.path).unwrap();
        let error = listening(&other).err().unwrap().to_string();
        assert!(error.contains("listens there already") && other.path.exists(), "{error}");
    }

    #[test]
    fn what_is_no_socket_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = at(dir.path().join("agent.sock"));
        fs::write(&socket.path, "precious").unwrap();
        let error = listening(&socket).err().unwrap().to_string();
        assert!(error.contains("another kind of file"), "{error}");
        assert_eq!(fs::read(&socket.path).unwrap(), b"precious");
    }

    #[test]
    fn where_only_its_own_user_may_ask_nobody_else_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let me = nix::unistd::geteuid().as_raw();
        for (uids, expected) in [(vec![me, 0], 0o600), (vec![me, 33], 0o666), (vec![33], 0o666), (vec![], 0o666)] {
            let socket = Socket { path: dir.path().join("agent.sock"), uids };
            let _agent = listening(&socket).unwrap();
            assert_eq!(mode(&socket.path), expected, "{:?}", socket.uids);
        }
    }
}
