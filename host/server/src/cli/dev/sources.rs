//! Whether a project's sources changed, and waiting until they do.
//!
//! Events are hints; the files, read and hashed, are the truth, and a poll stands behind them. A build writes into the project too:
//! what it writes is no source.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use reprise_session::reading;

/// How long nothing must have happened: an editor saves in several steps.
const SETTLED: Duration = Duration::from_millis(30);
/// How long a look is put off at most, while things keep happening.
const AT_MOST: Duration = Duration::from_secs(1);
/// How often the files are looked at where no event tells.
const POLL: Duration = Duration::from_secs(2);
/// A file larger than this is told from others by its length and time alone.
const HASHED: u64 = 1 << 20;

/// The sources in a project's folder.
pub(super) struct Sources {
    dir: PathBuf,
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    changes: Receiver<()>,
}

/// What the sources are: equal if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Sources {
    pub(super) fn new(dir: &Path) -> Self {
        let (changed, changes) = channel();
        let watcher = notify::recommended_watcher(move |event| {
            if may_be_a_change(&event) {
                // Nobody waits any more when the process ends.
                let _ = changed.send(());
            }
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(%error, "no file system events: changes are seen within {POLL:?}");
        });
        Self { dir: dir.into(), watcher: watcher.ok(), watched: HashSet::new(), changes }
    }

    /// What they are now.
    pub(super) fn fingerprint(&mut self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        let (mut folders, mut files, mut seen) = (vec![self.dir.clone()], BTreeSet::new(), HashSet::new());
        while let Some(folder) = folders.pop() {
            // Before it is read: what changes meanwhile is heard.
            self.watch(&folder);
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let name = name.to_string_lossy();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.extend((!is_made(&name)).then_some(path)),
                    Ok(_) => files.extend((!is_written_by_a_build(&name)).then_some(path)),
                    Err(_) => {}
                }
            }
            seen.insert(folder);
        }
        self.forget_all_but(&seen);
        for file in files {
            file.hash(&mut hasher);
            match fs::metadata(&file) {
                Ok(metadata) if metadata.len() > HASHED => (metadata.len(), metadata.modified().ok()).hash(&mut hasher),
                _ => reading::read(&file, HASHED).ok().map(|whole| whole.bytes).unwrap_or_default().hash(&mut hasher),
            }
        }
        Fingerprint(hasher.finish())
    }

    /// Waits until something may have changed.
    pub(super) fn wait(&self) {
        if self.changes.recv_timeout(POLL).is_err() {
            // Without a watcher it comes back at once.
            if self.watcher.is_none() {
                std::thread::sleep(POLL);
            }
            return;
        }
        let begun = Instant::now();
        while begun.elapsed() < AT_MOST && self.changes.recv_timeout(SETTLED).is_ok() {}
    }

    fn watch(&mut self, folder: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        let there = self.watched.contains(folder);
        if !there && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
            self.watched.insert(folder.into());
        }
    }

    /// A watch ends with its folder: one that comes again under its name is watched anew.
    fn forget_all_but(&mut self, folders: &HashSet<PathBuf>) {
        let gone: Vec<_> = self.watched.iter().filter(|folder| !folders.contains(*folder)).cloned().collect();
        for folder in gone {
            if let Some(watcher) = &mut self.watcher {
                // Fails where the system has dropped the watch together with the folder.
                let _ = watcher.unwatch(&folder);
            }
            self.watched.remove(&folder);
        }
    }
}

/// Whether an event is worth a look. Our own reading opens and closes files.
fn may_be_a_change(event: &notify::Result<Event>) -> bool {
    match event {
        Ok(Event { kind: EventKind::Access(access), .. }) => *access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// A folder that a build or an editor makes, or a package manager fills.
fn is_made(folder: &str) -> bool {
    folder.starts_with('.')
        || matches!(folder, "target" | "build" | "dist" | "node_modules" | "__pycache__" | "zig-out")
}

/// A file that a build writes beside the sources, or an editor for a moment.
fn is_written_by_a_build(file: &str) -> bool {
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
    file.starts_with('.')
        || file.ends_with('~')
        || matches!(extension, Some("wasm" | "new" | "lock" | "sum" | "swp"))
        || file == "package-lock.json"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_changes_comes_or_goes_makes_another_fingerprint() {
        let dir = tempfile::tempdir().unwrap();
        let (policy, part) = (dir.path().join("policy.c"), dir.path().join("src/part.c"));
        fs::write(&policy, "one").unwrap();
        let mut sources = Sources::new(dir.path());
        let mut last = sources.fingerprint();
        let mut changed = |what: &str| {
            let now = sources.fingerprint();
            assert_ne!(now, last, "{what}");
            last = now;
        };
        fs::write(&policy, "two").unwrap();
        changed("another content");
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(&part, "").unwrap();
        changed("a file more");
        fs::rename(&part, dir.path().join("src/other.c")).unwrap();
        changed("another name");
        fs::remove_file(&policy).unwrap();
        changed("a file less");
    }

    #[test]
    fn what_a_build_writes_is_no_source() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("policy.c"), "one").unwrap();
        let mut sources = Sources::new(dir.path());
        let before = sources.fingerprint();
        for folder in ["target", "build", "node_modules", ".git"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("policy.h"), "made").unwrap();
        }
        for file in ["calm.wasm", "calm.wasm.new", "Cargo.lock", "package-lock.json", "go.sum", ".policy.c.swp"] {
            fs::write(dir.path().join(file), "made").unwrap();
        }
        // Saved again as it was.
        fs::write(dir.path().join("policy.c"), "one").unwrap();
        assert_eq!(sources.fingerprint(), before);
    }
}
