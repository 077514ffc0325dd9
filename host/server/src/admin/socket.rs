//! The socket in the state directory.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result, bail};

use crate::state_dir;

/// The socket's name in the state directory.
pub(crate) const NAME: &str = "reprise.sock";
/// The lock that says whether the socket's server is alive: the system gives it back however a process ends.
const LOCK: &str = "reprise.lock";

/// A socket that listens, for its owner alone (mode 0600).
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    pub(crate) held: Held,
}

/// The socket's file, which goes when this is dropped, and the lock that makes it this server's.
pub(crate) struct Held {
    path: PathBuf,
    _lock: File,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error(
    "another server runs with the state directory {0}: stop it, or give this one a directory of its own with --state-dir"
)]
pub(crate) struct Taken(PathBuf);

impl Socket {
    /// Listens in `dir`, which is made if it is not there. What a server left behind that is no more is replaced.
    ///
    /// # Errors
    /// [`Taken`] if a server runs that has it; else the directory cannot be written, or something else has the name.
    pub(crate) fn bind(dir: &Path) -> Result<Self> {
        let shown = || format!("no socket for `reprise status` in {}: give --state-dir DIR", dir.display());
        state_dir::make(dir).with_context(shown)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join(LOCK))
            .with_context(shown)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Taken(dir.to_owned()).into()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(shown),
        }
        let path = dir.join(NAME);
        if fs::symlink_metadata(&path).is_ok_and(|there| !there.file_type().is_socket()) {
            bail!("{} is there and no socket: move it away, or give --state-dir another directory", path.display());
        }
        let listener = private(dir, &path).with_context(shown)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, held: Held { path, _lock: lock } })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Ours for as long as the lock is.
        let _ = fs::remove_file(&self.path);
    }
}

/// A socket at `path` that was never anybody else's to connect to: bound where only the owner gets to, then moved there, over
/// what is there.
fn private(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let nook = dir.join(format!("{}.tmp", process::id()));
    let _ = fs::remove_dir_all(&nook); // One of a crashed process.
    fs::DirBuilder::new().mode(0o700).create(&nook)?;
    let bound = nook.join("s");
    let listener = UnixListener::bind(&bound)
        .and_then(|listener| fs::set_permissions(&bound, Permissions::from_mode(0o600)).map(|()| listener))
        .and_then(|listener| fs::rename(&bound, path).map(|()| listener));
    let _ = fs::remove_dir_all(&nook);
    listener
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_socket_is_its_owners_alone_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let socket = Socket::bind(&dir).unwrap();
        assert_eq!(fs::metadata(dir.join(NAME)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        UnixStream::connect(dir.join(NAME)).unwrap();
        drop(socket);
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, [LOCK]);
    }

    #[test]
    fn the_socket_of_a_live_server_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Socket::bind(dir.path()).unwrap();
        let error = Socket::bind(dir.path()).err().unwrap();
        assert!(error.is::<Taken>() && error.to_string().contains("--state-dir"), "{error}");
        UnixStream::connect(dir.path().join(NAME)).unwrap();
        drop(first);
        Socket::bind(dir.path()).unwrap();
    }

    #[test]
    fn the_socket_of_a_server_that_is_no_more_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(dir.path().join(NAME)).unwrap());
        UnixStream::connect(dir.path().join(NAME)).unwrap_err();
        let _socket = Socket::bind(dir.path()).unwrap();
        UnixStream::connect(dir.path().join(NAME)).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "precious").unwrap();
        let error = Socket::bind(dir.path()).err().unwrap();
        assert!(error.to_string().contains(NAME), "{error}");
        assert_eq!(fs::read(dir.path().join(NAME)).unwrap(), b"precious");
    }
}
