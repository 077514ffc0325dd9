//! Whether a project's sources changed, and waiting until they do.
//!
//! Events are hints; the files, read and hashed, are the truth, and a poll stands behind them. A build writes into the
//! project too: what it writes is no source, or each build would ask for another.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use reprise_session::{following::Follower, reading};

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
    follower: Option<Follower>,
    changes: Receiver<()>,
}

/// What the sources are: equal if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Sources {
    pub(super) fn new(dir: &Path) -> Self {
        let (changed, changes) = channel();
        let follower = Follower::start(move |_| {
            // Nobody waits any more when the process ends.
            let _ = changed.send(());
        });
        let follower = follower.inspect_err(|error| {
            tracing::warn!(%error, "no file system events: changes are seen within {POLL:?}");
        });
        Self { dir: dir.into(), follower: follower.ok(), changes }
    }

    /// What they are now, if a build leaves `built`.
    pub(super) fn fingerprint(&mut self, built: &Path) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        let (mut folders, mut files, mut seen) = (vec![self.dir.clone()], BTreeSet::new(), HashSet::new());
        while let Some(folder) = folders.pop() {
            // Before it is read: what changes meanwhile is heard.
            if let Some(follower) = &mut self.follower {
                // What cannot be watched is seen by the poll.
                let _ = follower.follow(&folder);
            }
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let name = name.to_string_lossy();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.extend((!is_made(&name)).then_some(path)),
                    Ok(_) => files.extend((path != built && !is_written_by_a_build(&name)).then_some(path)),
                    Err(_) => {}
                }
            }
            seen.insert(folder);
        }
        if let Some(follower) = &mut self.follower {
            follower.forget_all_but(&seen);
        }
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
            // Without events it comes back at once.
            if self.follower.is_none() {
                std::thread::sleep(POLL);
            }
            return;
        }
        let begun = Instant::now();
        while begun.elapsed() < AT_MOST && self.changes.recv_timeout(SETTLED).is_ok() {}
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
        let built = dir.path().join("policy.wasm");
        let (policy, part) = (dir.path().join("policy.c"), dir.path().join("src/part.c"));
        fs::write(&policy, "one").unwrap();
        let mut sources = Sources::new(dir.path());
        let mut last = sources.fingerprint(&built);
        let mut changed = |what: &str| {
            let now = sources.fingerprint(&built);
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
        let built = dir.path().join("made");
        fs::write(dir.path().join("policy.c"), "one").unwrap();
        let mut sources = Sources::new(dir.path());
        let before = sources.fingerprint(&built);
        for folder in ["target", "build", "node_modules", ".git"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("policy.h"), "made").unwrap();
        }
        for file in ["calm.wasm", "calm.wasm.new", "Cargo.lock", "package-lock.json", "go.sum", ".policy.c.swp", "made"]
        {
            fs::write(dir.path().join(file), "made").unwrap();
        }
        // Saved again as it was.
        fs::write(dir.path().join("policy.c"), "one").unwrap();
        assert_eq!(sources.fingerprint(&built), before);
    }
}
