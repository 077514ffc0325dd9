//! Where commands for authors keep compiled code: a policy in Python takes half a minute of a processor to compile.

use std::{env, path::PathBuf};

use crate::state_dir;

/// The folder, in the one for caches of the XDG Base Directory Specification; none where the environment names no home, or it cannot
/// be made. What is in it is sealed, and compiled again where that is in doubt.
pub(super) fn folder() -> Option<PathBuf> {
    folder_by(|name| env::var_os(name).map(PathBuf::from))
}

fn folder_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let caches = variable("XDG_CACHE_HOME")
        .filter(absolute)
        .or_else(|| Some(variable("HOME").filter(absolute)?.join(".cache")))?;
    let own = caches.join("reprise");
    state_dir::make(&own).ok()?;
    Some(own.join("compiled"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn it_is_where_caches_are() {
        let dir = tempfile::tempdir().unwrap();
        let (home, caches) = (dir.path().join("home"), dir.path().join("caches"));
        let at = |named: &[(&str, &Path)]| {
            folder_by(|name| named.iter().find(|(known, _)| *known == name).map(|(_, path)| path.to_path_buf()))
        };
        assert_eq!(at(&[("HOME", &home)]), Some(home.join(".cache/reprise/compiled")));
        assert_eq!(at(&[("HOME", &home), ("XDG_CACHE_HOME", &caches)]), Some(caches.join("reprise/compiled")));
        assert_eq!(
            at(&[("HOME", &home), ("XDG_CACHE_HOME", Path::new("relative"))]),
            Some(home.join(".cache/reprise/compiled"))
        );
        assert!(home.join(".cache/reprise").is_dir());
        assert_eq!(at(&[]), None);
        // A file is in the way.
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(at(&[("HOME", &dir.path().join("file"))]), None);
    }
}
