//! One look at the directory: which modules are there, and what is in them.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    time::{Duration, SystemTime},
};

use openssl::sha::sha256;

use super::ContentHash;

/// The largest `NAME.toml` that is read: settings are written by hand.
const MAX_MANIFEST_SIZE: u64 = 1 << 20;

/// A file system's clock may tick this slowly (FAT): a file written twice within one tick may look untouched.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// How the names begin that editors (`.#x`, `#x#`, `~$x`), copy tools and Kubernetes (`.x`) give to what they keep beside the
/// files they write.
const ASIDE: [char; 3] = ['.', '#', '~'];

/// What was found in a module's files, or why they could not be read.
pub(super) type Content = Result<ContentHash, String>;

/// The modules in the directory, by file name, and so in the order in which their policies are asked.
#[derive(Debug, Default)]
pub(super) struct Listing(pub BTreeMap<String, Entry>);

/// One module and its manifest. Two entries of successive looks are equal once the files have stopped changing.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    module: Option<Stamp>,
    manifest: Option<Stamp>,
    pub content: Content,
    read_at: SystemTime,
}

/// What changes when a file changes: a cheap reason to read it, never a reason to load it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What is in a module's files.
pub(super) struct Files {
    pub module: Vec<u8>,
    pub manifest: Option<String>,
    pub hash: ContentHash,
}

impl Listing {
    /// Looks at `dir`. With `trusted`, an earlier look, files whose stamps have not changed since are not read again.
    ///
    /// # Errors
    /// The directory cannot be listed. A file that cannot be read is no error: it is in the listing, with the reason.
    pub fn look(dir: &Path, max_module_size: u64, trusted: Option<&Listing>) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for found in fs::read_dir(dir)? {
            let file = found?.file_name();
            let Some(file) = file.to_str() else {
                let shown = file.to_string_lossy().into_owned();
                if is_module(&shown) {
                    let reason = "the file name is not UTF-8: rename the file".to_string();
                    entries.insert(shown, Entry::unreadable(reason));
                }
                continue;
            };
            if !is_module(file) {
                if trusted.is_none() && is_manifest(file) && !dir.join(file).with_extension("wasm").exists() {
                    tracing::debug!(file, "settings without a module beside them: ignored");
                }
                continue;
            }
            let path = dir.join(file);
            let entry = match trusted.and_then(|earlier| earlier.0.get(file)) {
                Some(known) if known.still_stands(&path) => known.clone(),
                _ => Entry::read(&path, max_module_size),
            };
            entries.insert(file.to_string(), entry);
        }
        Ok(Self(entries))
    }

    /// Whether `file` was the same in both looks, or in neither.
    pub fn agrees_on(&self, earlier: &Listing, file: &str) -> bool {
        match (self.0.get(file), earlier.0.get(file)) {
            (Some(now), Some(then)) => {
                (&now.content, now.module, now.manifest) == (&then.content, then.module, then.manifest)
            }
            (None, None) => true,
            _ => false,
        }
    }
}

impl Entry {
    fn read(path: &Path, max_module_size: u64) -> Self {
        let read_at = SystemTime::now();
        match Files::read_stamped(path, max_module_size) {
            Ok((files, module, manifest)) => Self { module: Some(module), manifest, content: Ok(files.hash), read_at },
            Err(reason) => Self::unreadable(reason),
        }
    }

    fn unreadable(reason: String) -> Self {
        Self { module: None, manifest: None, content: Err(reason), read_at: SystemTime::UNIX_EPOCH }
    }

    /// Whether the files need not be read again: same stamps, and none so young at the reading that a later write could
    /// have left the same one.
    fn still_stands(&self, path: &Path) -> bool {
        let Some(module) = self.module else { return false };
        let settled = |stamp: &Stamp| stamp.changed_at().is_some_and(|at| at + COARSEST_CLOCK < self.read_at);
        settled(&module)
            && self.manifest.as_ref().is_none_or(settled)
            && Stamp::at(path) == Some(module)
            && Stamp::at(&path.with_extension("toml")) == self.manifest
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }

    fn changed_at(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.changed;
        let since = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

impl Files {
    /// Reads the module at `path` and the `.toml` beside it.
    ///
    /// # Errors
    /// One of them cannot be read; the reason names which, and what to do.
    pub fn read(path: &Path, max_module_size: u64) -> Result<Self, String> {
        Self::read_stamped(path, max_module_size).map(|(files, ..)| files)
    }

    fn read_stamped(path: &Path, max_module_size: u64) -> Result<(Self, Stamp, Option<Stamp>), String> {
        let (module_stamp, module) =
            read_whole(path, max_module_size)?.ok_or_else(|| format!("{} was removed", shown(path)))?;
        let manifest_path = path.with_extension("toml");
        let manifest = read_whole(&manifest_path, MAX_MANIFEST_SIZE)?;
        let hash = ContentHash { module: sha256(&module), manifest: manifest.as_ref().map(|(_, bytes)| sha256(bytes)) };
        let (manifest_stamp, manifest) = match manifest {
            None => (None, None),
            Some((stamp, bytes)) => {
                let text = String::from_utf8(bytes)
                    .map_err(|error| format!("{} is not UTF-8: {error}", shown(&manifest_path)))?;
                (Some(stamp), Some(text))
            }
        };
        Ok((Self { module, manifest, hash }, module_stamp, manifest_stamp))
    }
}

/// Reads a regular file, following links; `None` if there is none.
fn read_whole(path: &Path, limit: u64) -> Result<Option<(Stamp, Vec<u8>)>, String> {
    let failed = |error: io::Error| {
        let hint = if error.kind() == io::ErrorKind::PermissionDenied { "; let the server's user read it" } else { "" };
        format!("{} cannot be read: {error}{hint}", shown(path))
    };
    // Opening a FIFO would wait for its writer.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            return Err(format!("{} is a symbolic link that leads nowhere: mend or remove it", shown(path)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{} is not a regular file", shown(path)));
    }
    let too_large = || format!("{} is larger than {limit} bytes, the most that is read: make it smaller", shown(path));
    if metadata.size() > limit {
        return Err(too_large());
    }
    let bytes = read_at_most(file, limit).map_err(failed)?.ok_or_else(too_large)?;
    Ok(Some((Stamp::of(&metadata), bytes)))
}

/// `None` if there is more than `limit`, whatever size the file claims to have.
fn read_at_most(file: File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn is_module(file: &str) -> bool {
    file.strip_suffix(".wasm").is_some_and(|stem| !stem.is_empty()) && !file.starts_with(ASIDE)
}

fn is_manifest(file: &str) -> bool {
    file.ends_with(".toml") && !file.starts_with(ASIDE)
}

/// The policy's name: the file's stem without its leading number and dash, so that a policy can be moved in the order and
/// keep its notes. `10-tenants.wasm` is `tenants`; a stem that is nothing but a number is taken whole.
pub(super) fn policy_name(file: &str) -> &str {
    let stem = file.strip_suffix(".wasm").unwrap_or(file);
    match stem.split_once('-') {
        Some((number, name))
            if !name.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_after_its_file_without_the_number() {
        let names = [
            ("10-tenants.wasm", "tenants"),
            ("tenants.wasm", "tenants"),
            ("10-by-network.wasm", "by-network"),
            ("by-network.wasm", "by-network"),
            ("10-.wasm", "10-"),
            ("10.wasm", "10"),
            ("-x.wasm", "-x"),
        ];
        for (file, name) in names {
            assert_eq!(policy_name(file), name, "{file}");
        }
    }

    #[test]
    fn only_modules_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        for file in [".a.wasm", "#a.wasm", "~a.wasm", ".wasm", "a.wasm~", "a.wasm.tmp", "a.toml", "README", "a.wasm"] {
            fs::write(dir.path().join(file), "x").unwrap();
        }
        let listing = Listing::look(dir.path(), 10, None).unwrap();
        assert_eq!(listing.0.keys().collect::<Vec<_>>(), ["a.wasm"]);
    }

    #[test]
    fn a_file_over_the_limit_is_listed_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("fits.wasm"), [0; 10]).unwrap();
        fs::write(dir.path().join("over.wasm"), [0; 11]).unwrap();
        let listing = Listing::look(dir.path(), 10, None).unwrap();
        assert!(listing.0["fits.wasm"].content.is_ok());
        let reason = listing.0["over.wasm"].content.as_ref().unwrap_err();
        assert!(reason.contains("over.wasm is larger than 10 bytes"), "{reason}");
    }

    #[test]
    fn what_is_no_file_is_listed_with_the_reason_and_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("dir.wasm")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("link.wasm")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("fifo.wasm")).status().unwrap();
        assert!(made.success());
        let listing = Listing::look(dir.path(), 10, None).unwrap();
        let reason = |file: &str| listing.0[file].content.clone().unwrap_err();
        assert!(reason("dir.wasm").contains("not a regular file"));
        assert!(reason("fifo.wasm").contains("not a regular file"));
        assert!(reason("link.wasm").contains("leads nowhere"));
    }

    #[test]
    fn two_looks_agree_on_a_file_only_if_nothing_about_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (module, manifest) = (dir.path().join("a.wasm"), dir.path().join("a.toml"));
        let look = || Listing::look(dir.path(), 10, None).unwrap();
        let changes: [(&str, &dyn Fn() -> io::Result<()>); 6] = [
            ("made", &|| fs::write(&module, "x")),
            ("touched", &|| File::options().write(true).open(&module)?.set_modified(SystemTime::UNIX_EPOCH)),
            ("written", &|| fs::write(&module, "y")),
            ("given a manifest", &|| fs::write(&manifest, "x")),
            ("left by its manifest", &|| fs::remove_file(&manifest)),
            ("deleted", &|| fs::remove_file(&module)),
        ];
        for (what, change) in changes {
            let before = look();
            assert!(look().agrees_on(&before, "a.wasm"), "before it was {what}");
            change().unwrap();
            assert!(!look().agrees_on(&before, "a.wasm"), "{what}");
        }
    }

    #[test]
    fn a_young_file_is_read_again_even_if_its_stamp_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        fs::write(&path, "x").unwrap();
        let mut entry = Entry::read(&path, 10);
        assert!(!entry.still_stands(&path));
        entry.read_at += COARSEST_CLOCK * 2;
        assert!(entry.still_stands(&path));
        fs::write(dir.path().join("a.toml"), "x").unwrap();
        assert!(!entry.still_stands(&path), "a manifest appeared");
    }
}
