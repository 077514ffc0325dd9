//! One look at the directory: which modules are there, and what is in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use openssl::sha::sha256;
use reprise_session::{
    ownership,
    reading::{self, Why},
};

use super::{ContentHash, DirOptions};
use crate::names::signature_file;

/// The largest `NAME.toml` that is read: settings are written by hand.
const MAX_MANIFEST_SIZE: u64 = 1 << 20;

/// The largest `NAME.wasm.sig` that is read: a minisign signature has four short lines.
const MAX_SIGNATURE_SIZE: u64 = 16 << 10;

/// A file system's clock may tick this slowly (FAT): a file written twice within one tick may look untouched.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// How the names begin that editors (`.#x`, `#x#`, `~$x`), copy tools and Kubernetes (`.x`) give to
/// what they keep beside the files they write.
const ASIDE: [char; 3] = ['.', '#', '~'];

/// What was found in a module's files, or why they could not be read.
pub(super) type Content = Result<ContentHash, String>;

/// What is read of a module's files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The largest module, in bytes.
    pub max_module_size: u64,
    /// How many modules there may be.
    pub max_modules: usize,
    /// Whether signatures are read; without policy keys they are not looked at.
    pub signatures: bool,
    /// Whether a file that others may write counts as one that cannot be read.
    pub strict: bool,
}

impl From<&DirOptions> for Reading {
    fn from(options: &DirOptions) -> Self {
        let DirOptions { max_module_size, max_modules, strict, .. } = *options;
        Self { max_module_size, max_modules, signatures: options.keys.is_some(), strict }
    }
}

/// The modules in the directory, by file name, and so in the order in which their policies are asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing(pub BTreeMap<String, Entry>);

/// One module and its manifest. Two entries of successive looks are equal once the files have stopped changing.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    module: Option<Stamp>,
    manifest: Option<Stamp>,
    signature: Option<Stamp>,
    /// What counts: what was read, unless somebody else may have written it and that is not to be trusted.
    pub content: Content,
    read: Content,
    /// Who else may write one of the files.
    pub exposed: Option<String>,
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
    pub signature: Option<Vec<u8>>,
    pub hash: ContentHash,
}

/// The stamps of a module's files.
struct Stamps {
    module: Stamp,
    manifest: Option<Stamp>,
    signature: Option<Stamp>,
}

impl Listing {
    /// Looks at `dir`. With `trusted`, an earlier look, files whose stamps have not changed since are not read again.
    ///
    /// # Errors
    /// The directory cannot be listed. A file that cannot be read is no error: it is in the listing, with the reason.
    pub fn look(dir: &Path, reading: Reading, trusted: Option<&Listing>) -> io::Result<Self> {
        let (mut entries, mut modules) = (BTreeMap::new(), BTreeSet::new());
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
            modules.insert(file.to_owned());
        }
        for (number, file) in modules.iter().enumerate() {
            if number >= reading.max_modules {
                let reason = too_many(file, reading.max_modules);
                entries.insert(file.clone(), Entry::unreadable(reason));
                continue;
            }
            let path = dir.join(file);
            let mut entry = match trusted.and_then(|earlier| earlier.0.get(file)) {
                Some(known) if known.still_stands(&path, reading) => known.clone(),
                _ => Entry::read(&path, reading),
            };
            entry.judge(&path, reading);
            entries.insert(file.clone(), entry);
        }
        Ok(Self(entries))
    }

    /// Whether `file` was the same in both looks, or in neither.
    pub fn agrees_on(&self, earlier: &Listing, file: &str) -> bool {
        match (self.0.get(file), earlier.0.get(file)) {
            (Some(now), Some(then)) => {
                let seen = |entry: &Entry| (entry.module, entry.manifest, entry.signature);
                now.content == then.content && seen(now) == seen(then)
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// Nothing in the directory is to be trusted, for this reason.
    pub fn distrust(&mut self, reason: &str) {
        for entry in self.0.values_mut() {
            entry.content = Err(reason.to_owned());
        }
    }
}

impl Entry {
    fn read(path: &Path, reading: Reading) -> Self {
        let read_at = SystemTime::now();
        match Files::read_stamped(path, reading) {
            Ok((files, Stamps { module, manifest, signature })) => {
                let (read, module) = (Ok(files.hash), Some(module));
                Self { module, manifest, signature, content: read.clone(), read, exposed: None, read_at }
            }
            Err(reason) => Self::unreadable(reason),
        }
    }

    fn unreadable(reason: String) -> Self {
        let (content, read_at) = (Err(reason), SystemTime::UNIX_EPOCH);
        let (module, manifest, signature) = (None, None, None);
        Self { module, manifest, signature, read: content.clone(), content, exposed: None, read_at }
    }

    /// Looks who may write the files. Anew at each look: what a link leads through leaves no stamp.
    fn judge(&mut self, path: &Path, reading: Reading) {
        self.content = self.read.clone();
        let signature = reading.signatures.then(|| signature_file(path));
        let files = [Some(path.to_owned()), Some(path.with_extension("toml")), signature];
        self.exposed = files.iter().flatten().find_map(|file| ownership::file_exposed(file));
        if let (true, Some(reason)) = (reading.strict, &self.exposed) {
            self.content = Err(reason.clone());
        }
    }

    /// Whether the files need not be read again: same stamps, and none so young at the reading that a later write could
    /// have left the same one.
    fn still_stands(&self, path: &Path, reading: Reading) -> bool {
        let Some(module) = self.module else { return false };
        let settled = |stamp: &Stamp| stamp.changed_at().is_some_and(|at| at + COARSEST_CLOCK < self.read_at);
        settled(&module)
            && self.manifest.as_ref().is_none_or(settled)
            && self.signature.as_ref().is_none_or(settled)
            && Stamp::at(path) == Some(module)
            && Stamp::at(&path.with_extension("toml")) == self.manifest
            && (!reading.signatures || Stamp::at(&signature_file(path)) == self.signature)
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
    /// Reads the module at `path`, the `.toml` beside it and, if it is asked for, the signature.
    ///
    /// # Errors
    /// One of them cannot be read; the reason names which, and what to do.
    pub fn read(path: &Path, reading: Reading) -> Result<Self, String> {
        Self::read_stamped(path, reading).map(|(files, _)| files)
    }

    fn read_stamped(path: &Path, reading: Reading) -> Result<(Self, Stamps), String> {
        let (module_stamp, module) =
            read_whole(path, reading.max_module_size)?.ok_or_else(|| format!("{} was removed", shown(path)))?;
        let manifest_path = path.with_extension("toml");
        let (manifest_stamp, manifest) = read_whole(&manifest_path, MAX_MANIFEST_SIZE)?.unzip();
        let (signature_stamp, signature) = match reading.signatures {
            true => read_whole(&signature_file(path), MAX_SIGNATURE_SIZE)?.unzip(),
            false => (None, None),
        };
        let hash = ContentHash {
            module: sha256(&module),
            manifest: manifest.as_deref().map(sha256),
            signature: signature.as_deref().map(sha256),
        };
        let manifest = manifest.map(String::from_utf8).transpose();
        let manifest = manifest.map_err(|error| format!("{} is not UTF-8: {error}", shown(&manifest_path)))?;
        let stamps = Stamps { module: module_stamp, manifest: manifest_stamp, signature: signature_stamp };
        Ok((Self { module, manifest, signature, hash }, stamps))
    }
}

/// Why a module is not looked at. Without the number that there are, so that one more is no other reason.
fn too_many(file: &str, most: usize) -> String {
    format!(
        "{file} comes after {most} others in the directory, the most that are looked at: remove modules that are not used"
    )
}

/// Reads a regular file, following links; `None` if there is none.
fn read_whole(path: &Path, limit: u64) -> Result<Option<(Stamp, Vec<u8>)>, String> {
    let unread = match reading::read(path, limit) {
        Ok(mut whole) => return Ok(Some((Stamp::of(&whole.about), std::mem::take(&mut *whole.bytes)))),
        Err(unread) => unread,
    };
    if unread.is_missing() {
        let dangling = path.is_symlink();
        return if dangling {
            Err(format!("{} is a symbolic link that leads nowhere: fix or remove it", shown(path)))
        } else {
            Ok(None)
        };
    }
    let shown = shown(path);
    Err(match unread.why {
        Why::Kind(found) => format!("{shown} is not a regular file: it is {found}"),
        Why::Large { most } => format!("{shown} is larger than {most} bytes, the most that is read: make it smaller"),
        Why::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{shown} cannot be read: {error}; let the server's user read it")
        }
        why => format!("{shown} cannot be read: {why}"),
    })
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const READING: Reading = Reading { max_module_size: 10, max_modules: 100, signatures: true, strict: false };

    #[test]
    fn only_modules_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            ".a.wasm",
            "#a.wasm",
            "~a.wasm",
            ".wasm",
            "a.wasm~",
            "a.wasm.tmp",
            "a.toml",
            "a.wasm.sig",
            "README",
            "a.wasm",
        ] {
            fs::write(dir.path().join(file), "x").unwrap();
        }
        let listing = Listing::look(dir.path(), READING, None).unwrap();
        assert_eq!(listing.0.keys().collect::<Vec<_>>(), ["a.wasm"]);
    }

    #[test]
    fn a_file_over_the_limit_is_listed_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("fits.wasm"), [0; 10]).unwrap();
        fs::write(dir.path().join("over.wasm"), [0; 11]).unwrap();
        let listing = Listing::look(dir.path(), READING, None).unwrap();
        assert!(listing.0["fits.wasm"].content.is_ok());
        let reason = listing.0["over.wasm"].content.as_ref().unwrap_err();
        assert!(reason.contains("over.wasm is larger than 10 bytes"), "{reason}");
    }

    #[test]
    fn modules_beyond_the_most_are_listed_unread() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..5 {
            fs::write(dir.path().join(format!("{number}.wasm")), "x").unwrap();
        }
        let listing = Listing::look(dir.path(), Reading { max_modules: 3, ..READING }, None).unwrap();
        let read: Vec<_> = listing.0.values().map(|entry| entry.content.is_ok()).collect();
        assert_eq!(read, [true, true, true, false, false]);
        let reason = listing.0["3.wasm"].content.as_ref().unwrap_err();
        assert!(reason.contains("3.wasm comes after 3 others"), "{reason}");
    }

    #[test]
    fn what_is_no_file_is_listed_with_the_reason_and_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("dir.wasm")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("link.wasm")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("fifo.wasm")).status().unwrap();
        assert!(made.success());
        let listing = Listing::look(dir.path(), READING, None).unwrap();
        let reason = |file: &str| listing.0[file].content.clone().unwrap_err();
        assert!(reason("dir.wasm").contains("not a regular file"));
        assert!(reason("fifo.wasm").contains("not a regular file"));
        assert!(reason("link.wasm").contains("leads nowhere"));
    }

    #[test]
    fn two_looks_agree_on_a_file_only_if_nothing_about_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (module, manifest) = (dir.path().join("a.wasm"), dir.path().join("a.toml"));
        let look = || Listing::look(dir.path(), READING, None).unwrap();
        let signature = signature_file(&module);
        let changes: [(&str, &dyn Fn() -> io::Result<()>); 8] = [
            ("made", &|| fs::write(&module, "x")),
            ("touched", &|| File::options().write(true).open(&module)?.set_modified(SystemTime::UNIX_EPOCH)),
            ("written", &|| fs::write(&module, "y")),
            ("given a manifest", &|| fs::write(&manifest, "x")),
            ("left by its manifest", &|| fs::remove_file(&manifest)),
            ("signed", &|| fs::write(&signature, "x")),
            ("signed anew", &|| fs::write(&signature, "y")),
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
        let mut entry = Entry::read(&path, READING);
        assert!(!entry.still_stands(&path, READING));
        entry.read_at += COARSEST_CLOCK * 2;
        assert!(entry.still_stands(&path, READING));
        fs::write(dir.path().join("a.toml"), "x").unwrap();
        assert!(!entry.still_stands(&path, READING), "a manifest appeared");
    }
}
