//! Where state that outlives the process is kept: the self-signed certificate, compiled policies, the socket of
//! `reprise status`.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The directory given, else the one of the XDG Base Directory Specification, or the system's for root.
///
/// # Errors
/// None is given, and the environment names no home.
pub(crate) fn choose(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir.to_owned());
    }
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(state) = variable("XDG_STATE_HOME") {
        return Ok(state.join("reprise"));
    }
    if nix::unistd::geteuid().is_root() {
        return Ok("/var/lib/reprise".into());
    }
    let home = variable("HOME").context("no place for state: HOME is not set; give --state-dir DIR")?;
    Ok(home.join(".local/state/reprise"))
}

/// Makes the directory if it is not there, for its owner only.
///
/// # Errors
/// The system's.
pub(crate) fn make(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
