//! The operating system's events, as hints that a look is due.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use reprise_session::following::{Follower, Hint};

use super::bell::{Bell, Rings};

/// Rings the bell when something may have changed in the directory.
///
/// Two places are watched: the directory, for its files and for the `..data` link of a Kubernetes volume, and its parent, where
/// the directory itself comes and goes.
pub(super) struct Watch {
    follower: Follower,
    dir: PathBuf,
}

impl Watch {
    /// Watches `dir`, an absolute path. `None` if the system gives no watch: the poll sees the same things later.
    pub fn start(dir: &Path, bell: Arc<Bell>) -> Option<Self> {
        let own = dir.to_path_buf();
        let mut follower = match Follower::start(move |hinted| bell.ring(rings(&own, hinted))) {
            Ok(follower) => follower,
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "no file system events: changes are seen at the next poll");
                return None;
            }
        };
        if let Some(parent) = dir.parent()
            && let Err(error) = follower.follow(parent)
        {
            tracing::debug!(dir = %parent.display(), %error, "the parent directory is not watched");
        }
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
        if let Err(error) = self.follower.follow(&self.dir) {
            tracing::debug!(dir = %self.dir.display(), %error, "the directory is not watched");
        }
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
    use super::*;

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
