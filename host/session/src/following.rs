//! Directories that are followed by the system's events.
//!
//! Events are hints that a look is due. What is in the directories, read and hashed, is the truth, and whoever follows them
//! polls as well: network file systems have no events, and a queue of them may overflow.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint<'a> {
    /// Something may have changed at these paths.
    At(&'a [PathBuf]),
    /// Anything may have changed: events were lost, and watches may have been.
    Anywhere,
}

/// Follows directories, none of them recursively.
///
/// Directories rather than files: a file that is renamed over, or reached through a link that is swapped, is another file. A
/// watch follows the inode and not the path, so it is set anew where another directory stands at the path.
pub struct Follower {
    watcher: RecommendedWatcher,
    followed: HashMap<PathBuf, Identity>,
}

/// Tells one directory from the next at the same path.
type Identity = (u64, u64, Option<SystemTime>);

impl Follower {
    /// Calls `on_hint` for each event in what is followed from now on, on a thread of its own.
    ///
    /// # Errors
    /// The system gives no events (its limit of inotify instances, say).
    pub fn start(mut on_hint: impl FnMut(Hint<'_>) + Send + 'static) -> io::Result<Self> {
        let watcher = notify::recommended_watcher(move |event| {
            if let Some(hint) = hint(&event) {
                on_hint(hint);
            }
        });
        Ok(Self { watcher: watcher.map_err(io::Error::other)?, followed: HashMap::new() })
    }

    /// Follows what stands at `dir` now, if that is not what is followed there already.
    ///
    /// # Errors
    /// Nothing stands there, or it cannot be watched. Nothing is followed there then.
    pub fn follow(&mut self, dir: &Path) -> io::Result<()> {
        let found = identity(dir);
        if found.as_ref().is_ok_and(|found| self.followed.get(dir) == Some(found)) {
            return Ok(());
        }
        self.forget(dir);
        let found = found?;
        self.watcher.watch(dir, RecursiveMode::NonRecursive).map_err(io::Error::other)?;
        self.followed.insert(dir.to_owned(), found);
        Ok(())
    }

    /// Whether `dir` is followed.
    pub fn follows(&self, dir: &Path) -> bool {
        self.followed.contains_key(dir)
    }

    /// Follows `dir` no longer.
    pub fn forget(&mut self, dir: &Path) {
        if self.followed.remove(dir).is_some() {
            // Fails where the system has dropped the watch together with the directory.
            let _ = self.watcher.unwatch(dir);
        }
    }

    /// Follows these, if they are followed already, and nothing else any more.
    pub fn forget_all_but(&mut self, dirs: &HashSet<PathBuf>) {
        let gone: Vec<_> = self.followed.keys().filter(|dir| !dirs.contains(*dir)).cloned().collect();
        gone.iter().for_each(|dir| self.forget(dir));
    }
}

fn identity(dir: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(dir)?;
    Ok((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

/// What an event is worth, if anything: our own reading opens and closes files.
fn hint(event: &notify::Result<Event>) -> Option<Hint<'_>> {
    let Ok(event) = event else { return Some(Hint::Anywhere) };
    if event.need_rescan() {
        return Some(Hint::Anywhere);
    }
    match event.kind {
        EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write) => None,
        _ => Some(Hint::At(&event.paths)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use notify::event::{CreateKind, Flag};

    use super::*;

    fn event(kind: EventKind) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path("/srv/policies/a.wasm".into()))
    }

    #[test]
    fn reading_a_file_is_no_hint() {
        for kind in [AccessKind::Open(AccessMode::Any), AccessKind::Close(AccessMode::Read)] {
            assert_eq!(hint(&event(EventKind::Access(kind))), None);
        }
        for kind in [EventKind::Access(AccessKind::Close(AccessMode::Write)), EventKind::Create(CreateKind::Any)] {
            assert_eq!(hint(&event(kind)), Some(Hint::At(&["/srv/policies/a.wasm".into()])));
        }
    }

    #[test]
    fn lost_events_may_be_of_anything() {
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(hint(&Ok(overflow)), Some(Hint::Anywhere));
        assert_eq!(hint(&Err(notify::Error::generic("lost"))), Some(Hint::Anywhere));
    }

    /// Until there is a hint at this path.
    fn heard(hints: &Receiver<PathBuf>, path: &Path) {
        while hints.recv().unwrap() != path {}
    }

    #[test]
    fn a_directory_that_takes_anothers_place_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("dir");
        let (tell, hints) = channel();
        let mut follower = Follower::start(move |hint| {
            if let Hint::At(paths) = hint {
                paths.iter().for_each(|path| drop(tell.send(path.clone())));
            }
        })
        .unwrap();
        assert_eq!(follower.follow(&dir).unwrap_err().kind(), io::ErrorKind::NotFound);
        for name in ["first", "second"] {
            let _ = fs::rename(&dir, root.path().join("away"));
            fs::create_dir(&dir).unwrap();
            follower.follow(&dir).unwrap();
            fs::write(dir.join(name), "").unwrap();
            heard(&hints, &dir.join(name));
        }
        follower.forget_all_but(&HashSet::new());
        assert!(follower.followed.is_empty());
    }
}
