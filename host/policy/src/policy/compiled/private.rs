//! Files that are this user's alone.

use std::{
    fs::{self, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use super::Doubt;

/// Whether `dir` is a directory of this user's that nobody else can look into.
pub(super) fn directory(dir: &Path) -> Result<(), Doubt> {
    let metadata = fs::symlink_metadata(dir).map_err(Doubt::Unreadable)?;
    if !metadata.is_dir() {
        return Err(Doubt::NotPrivate(format!("{} is no directory", dir.display())));
    }
    is_private(dir, &metadata)
}

/// The content of a regular file of this user's that nobody else can read or write; none if there
/// is no file. At most `most` bytes and one: a longer one is told by that.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Doubt> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(Doubt::NotPrivate("it is a symbolic link".into()));
        }
        Err(error) => return Err(Doubt::Unreadable(error)),
    };
    let metadata = file.metadata().map_err(Doubt::Unreadable)?;
    if !metadata.is_file() {
        return Err(Doubt::NotPrivate("it is no regular file".into()));
    }
    is_private(path, &metadata)?;
    // Sized beforehand, so that a key is not left behind by a vector that grows.
    let mut content = Vec::with_capacity(metadata.len().min(most).saturating_add(1) as usize);
    file.take(most.saturating_add(1)).read_to_end(&mut content).map_err(Doubt::Unreadable)?;
    Ok(Some(content))
}

fn is_private(path: &Path, metadata: &Metadata) -> Result<(), Doubt> {
    let (user, owner, mode) = (nix::unistd::geteuid().as_raw(), metadata.uid(), metadata.mode() & 0o7777);
    if owner != user {
        return Err(Doubt::NotPrivate(format!("{} belongs to user {owner}, not to {user}", path.display())));
    }
    if mode & 0o077 != 0 {
        return Err(Doubt::NotPrivate(format!("{} is open to others (mode {mode:04o})", path.display())));
    }
    // A second name would be another file's, put here by whoever may link but not write.
    if metadata.is_file() && metadata.nlink() != 1 {
        return Err(Doubt::NotPrivate(format!("{} has {} names", path.display(), metadata.nlink())));
    }
    Ok(())
}
