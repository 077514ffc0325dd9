//! The operating system's events, as hints that a look is due.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use reprise_session::following::{Follower, Hint};

use super::bell::{Bell, Rings};

/// Rings the bell when something may have changed in the directory.
///
/// The directory is watched, for its files, for the `..data` link of a Kubernetes volume, and for what becomes of itself. Its parent is
/// watched where that does not tell: as long as the directory is not there, or is a link to one. Logs may lie there, and each line of
/// theirs would be an event.
pub(super) struct Watch {
    follower: Follower,
    dir: PathBuf,
}

impl Watch {
    /// Watches `dir`, an absolute path. `None` if the system gives no watch: the poll sees the same things later.
    pub fn start(dir: &Path, bell: Arc<Bell>) -> Option<Self> {
        let own = dir.to_path_buf();
        let follower = match Follower::start(move |hinted| bell.ring(rings(&own, hinted))) {
            Ok(follower) => follower,
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "no file system events: changes are seen at the next poll");
                return None;
            }
        };
        let mut watch = Self { follower, dir: dir.to_path_buf() };
        watch.follow(false);
        Some(watch)
    }

    /// Watches what stands at the path now, if that is not what is watched already.
    pub fn follow(&mut self, anew: bool) {
        if anew {
            self.follower.forget(&self.dir);
        }
        // Tried again at each look, and each look comes with the poll at the latest.
        let is_followed = self.follow_itself().is_ok();
        let Some(parent) = self.dir.parent() else { return };
        if is_followed && !fs::symlink_metadata(&self.dir).is_ok_and(|there| there.is_symlink()) {
            self.follower.forget(parent);
        } else if let Err(error) = self.follower.follow(parent) {
            tracing::debug!(dir = %parent.display(), %error, "the parent directory is not watched");
        } else if !is_followed {
            // It may have come before its parent was watched.
            let _ = self.follow_itself();
        }
    }

    fn follow_itself(&mut self) -> io::Result<()> {
        self.follower.follow(&self.dir).inspect_err(|error| {
            tracing::debug!(dir = %self.dir.display(), %error, "the directory is not watched");
        })
    }
}

/// What a hint is worth: the parent may be a busy place.
pub(super) fn rings(dir: &Path, hint: Hint<'_>) -> Rings {
    match hint {
        Hint::Anywhere => Rings { look: true, watch_anew: true, ..Rings::default() },
        Hint::At(paths) => Rings {
            look: paths.iter().any(|path| path.starts_with(dir)),
            watch_anew: paths.iter().any(|path| path == dir),
            ..Rings::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether the bell asks for a look before long, as it does soon after there is anything to look at.
    fn asks(bell: &Bell) -> bool {
        let now = Instant::now();
        bell.wait(now, now + Duration::from_secs(60)).looks()
    }

    /// However the directory goes and comes, the bell rings, without its parent being watched all the time.
    #[test]
    fn a_directory_that_goes_and_comes_is_heard_of() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (dir, bell) = (root.join("policies"), Arc::<Bell>::default());
        fs::create_dir(&dir).unwrap();
        let mut watch = Watch::start(&dir, bell.clone()).unwrap();
        type Step = fn(&Path);
        let steps: [(&str, Step); 7] = [
            ("a file comes", |root| fs::write(root.join("policies/a.wasm"), "").unwrap()),
            ("it is moved away", |root| fs::rename(root.join("policies"), root.join("old")).unwrap()),
            ("another is moved here", |root| {
                fs::create_dir(root.join("new")).unwrap();
                fs::rename(root.join("new"), root.join("policies")).unwrap();
            }),
            ("a file comes into that", |root| fs::write(root.join("policies/b.wasm"), "").unwrap()),
            ("it is removed", |root| fs::remove_dir_all(root.join("policies")).unwrap()),
            ("a link comes", |root| std::os::unix::fs::symlink("old", root.join("policies")).unwrap()),
            ("the link is swapped", |root| {
                fs::create_dir(root.join("third")).unwrap();
                std::os::unix::fs::symlink("third", root.join("fresh")).unwrap();
                fs::rename(root.join("fresh"), root.join("policies")).unwrap();
            }),
        ];
        for (step, act) in steps {
            act(&root);
            assert!(asks(&bell), "{step}");
            watch.follow(true);
        }
    }

    #[test]
    fn a_busy_neighbour_of_a_directory_that_is_there_wakes_nobody() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let dir = root.join("policies");
        fs::create_dir(&dir).unwrap();
        let watch = Watch::start(&dir, Arc::default()).unwrap();
        assert!(watch.follower.follows(&dir) && !watch.follower.follows(&root));
        let absent = Watch::start(&root.join("absent"), Arc::default()).unwrap();
        assert!(absent.follower.follows(&root));
    }

    #[test]
    fn a_neighbour_of_the_directory_is_no_hint() {
        let rings = |path: &str| rings(Path::new("/srv/policies"), Hint::At(&[path.into()]));
        assert!(rings("/srv/policies/a.wasm").look);
        assert!(!rings("/srv/other").look);
        let itself = rings("/srv/policies");
        assert!(itself.look && itself.watch_anew);
    }

    #[test]
    fn an_overflow_of_the_event_queue_asks_for_a_look() {
        assert!(rings(Path::new("/srv/policies"), Hint::Anywhere).look);
    }
}
