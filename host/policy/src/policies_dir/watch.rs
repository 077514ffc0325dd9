//! The operating system's events, as hints that a look is due.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use super::bell::{Bell, Rings};

/// Rings the bell when something may have changed in the directory.
///
/// Two places are watched, neither of them recursively: the directory, for its files and for the `..data` link of a
/// Kubernetes volume, and its parent, where the directory itself comes and goes. A watch follows the inode and not the path,
/// so it is set anew whenever another directory stands at the path.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    dir: PathBuf,
    watched: Option<Identity>,
}

/// Tells one directory from the next at the same path.
type Identity = (u64, u64, Option<std::time::SystemTime>);

impl Watch {
    /// Watches `dir`, an absolute path. `None` if the system gives no watch (its limit of inotify instances, say): the poll
    /// sees the same things later.
    pub fn start(dir: &Path, bell: Arc<Bell>) -> Option<Self> {
        let own = dir.to_path_buf();
        let watcher = notify::recommended_watcher(move |event| bell.ring(hint(&own, &event)));
        let mut watch = match watcher {
            Ok(watcher) => Self { watcher, dir: dir.to_path_buf(), watched: None },
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "no file system events: changes are seen at the next poll");
                return None;
            }
        };
        if let Some(parent) = dir.parent()
            && let Err(error) = watch.watcher.watch(parent, RecursiveMode::NonRecursive)
        {
            tracing::debug!(dir = %parent.display(), %error, "the parent directory is not watched");
        }
        watch.follow(false);
        Some(watch)
    }

    /// Watches what stands at the path now, if that is not what is watched already.
    pub fn follow(&mut self, anew: bool) {
        let found = identity(&self.dir);
        if found == self.watched && !anew {
            return;
        }
        if self.watched.take().is_some() {
            // Fails where the system has dropped the watch together with the directory.
            let _ = self.watcher.unwatch(&self.dir);
        }
        if found.is_none() {
            return;
        }
        match self.watcher.watch(&self.dir, RecursiveMode::NonRecursive) {
            Ok(()) => self.watched = found,
            // Tried again at each look, and each look comes with the poll at the latest.
            Err(error) => tracing::debug!(dir = %self.dir.display(), %error, "the directory is not watched"),
        }
    }
}

fn identity(dir: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(dir).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

/// What an event is worth. Our own reading opens and closes files, and the parent may be a busy place.
pub(super) fn hint(dir: &Path, event: &notify::Result<Event>) -> Rings {
    let Ok(event) = event else { return Rings { look: true, watch_anew: true, ..Rings::default() } };
    if event.need_rescan() {
        return Rings { look: true, watch_anew: true, ..Rings::default() };
    }
    if let EventKind::Access(access) = event.kind
        && access != AccessKind::Close(AccessMode::Write)
    {
        return Rings::default();
    }
    let itself = event.paths.iter().any(|path| path == dir);
    let within = event.paths.iter().any(|path| path.starts_with(dir));
    Rings { look: within, watch_anew: itself, ..Rings::default() }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag};

    use super::*;

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(path.into()))
    }

    #[test]
    fn reading_a_file_is_no_hint() {
        let dir = Path::new("/srv/policies");
        for kind in [AccessKind::Open(AccessMode::Any), AccessKind::Close(AccessMode::Read)] {
            assert!(!hint(dir, &event(EventKind::Access(kind), "/srv/policies/a.wasm")).look);
        }
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(hint(dir, &event(written, "/srv/policies/a.wasm")).look);
    }

    #[test]
    fn a_neighbour_of_the_directory_is_no_hint() {
        let dir = Path::new("/srv/policies");
        let made = EventKind::Create(CreateKind::Any);
        assert!(!hint(dir, &event(made, "/srv/other")).look);
        let itself = hint(dir, &event(made, "/srv/policies"));
        assert!(itself.look && itself.watch_anew);
    }

    #[test]
    fn an_overflow_of_the_event_queue_asks_for_a_look() {
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(hint(Path::new("/srv/policies"), &Ok(overflow)).look);
    }
}
