//! Writing a file so that nobody ever reads half of it, neither after a loss of power.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process,
};

/// The extension of a file that is not complete yet.
pub const BEING_WRITTEN: &str = "being-written";

/// Writes `content` beside `file`, with this mode, and renames it over `file`: who reads finds all
/// of it, or what was there.
///
/// # Errors
/// The system's. What was written by then is gone.
pub fn replace(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let beside = file.with_extension(format!("{}.{BEING_WRITTEN}", process::id()));
    let _ = fs::remove_file(&beside); // One of a crashed process of the same number, with whatever mode it had.
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
