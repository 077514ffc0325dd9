//! What stands in the store's directory and cannot be used: it is moved, and never removed but for
//! what was moved there before.

use std::{fs, io, path::Path};

/// Moves `from` to the place `to`, whatever stands in either.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(before) if before.is_dir() => fs::remove_dir_all(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => {}
    }
    fs::rename(from, to)
}

/// The same, if there is something.
pub fn replace_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => replace(from, to),
    }
}
