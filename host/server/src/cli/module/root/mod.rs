//! Files as somebody sees them who lives under a folder: a machine, or the image of one; and as they will be
//! once what is planned is done.
//!
//! - `ours`: files that are written here, and whether somebody has changed them since
//! - `plan`: what is to be done to files: as a whole, or not at all

pub(super) mod ours;
pub(super) mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};
use reprise_session::reading;

/// The largest file that is read.
const MOST: u64 = 1 << 20;
/// Symbolic links on one way, as the kernel has it.
const LINKS: usize = 40;

/// A folder, and what is to change under it. Paths are as they are seen from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    folder: PathBuf,
    /// What files will have; none: they will be gone.
    planned: BTreeMap<PathBuf, Option<String>>,
}

impl Root {
    pub(super) fn machine() -> Self {
        Self::at_folder("/".into())
    }

    /// This folder, or the machine's.
    pub(super) fn new(folder: Option<&Path>) -> Result<Self> {
        let Some(folder) = folder else { return Ok(Self::machine()) };
        let real = folder.canonicalize().with_context(|| format!("--root {}", folder.display()))?;
        Ok(Self::at_folder(real))
    }

    fn at_folder(folder: PathBuf) -> Self {
        Self { folder, planned: BTreeMap::new() }
    }

    /// Whether it is that of this machine, whose processes and kernel can be asked.
    pub(super) fn is_machine(&self) -> bool {
        self.folder == Path::new("/")
    }

    /// The same once `path` has this text, or none.
    pub(super) fn with(mut self, path: &Path, text: Option<String>) -> Self {
        self.planned.insert(path.to_owned(), text);
        self
    }

    /// Where `path` really is, with no symbolic link on its way, and none that leads out.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        if self.is_machine() {
            return path.canonicalize().unwrap_or_else(|_| path.to_owned());
        }
        let mut ahead: Vec<_> = parts(path).into_iter().rev().collect();
        let (mut real, mut links) = (PathBuf::from("/"), 0);
        while let Some(part) = ahead.pop() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            match fs::read_link(self.outside(&next)) {
                // Followed by the system, it could lead out.
                Ok(_) if links == LINKS => return "/too many symbolic links".into(),
                Ok(target) => {
                    links += 1;
                    if target.is_absolute() {
                        real = "/".into();
                    }
                    ahead.extend(parts(&target).into_iter().rev());
                }
                Err(_) => real = next,
            }
        }
        real
    }

    /// Where this machine has it.
    pub(super) fn at(&self, path: &Path) -> PathBuf {
        if self.is_machine() {
            return path.to_owned();
        }
        self.outside(&self.real(path))
    }

    fn outside(&self, real: &Path) -> PathBuf {
        self.folder.join(real.strip_prefix("/").unwrap_or(real))
    }

    /// The text in a file; none if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&self, path: &Path) -> Result<Option<String>> {
        if let Some(planned) = self.planned.get(path) {
            return Ok(planned.clone());
        }
        match reading::read_text_once(&self.at(path), MOST) {
            Ok(text) => Ok(Some(text.to_string())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        match self.planned.get(path) {
            Some(planned) => planned.is_some(),
            None => self.at(path).exists(),
        }
    }

    /// The names in a folder, in order; none if there is no such folder.
    pub(super) fn names(&self, folder: &Path) -> BTreeSet<String> {
        let there = fs::read_dir(self.at(folder)).into_iter().flatten().flatten();
        let mut names: BTreeSet<String> = there.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        for (path, planned) in &self.planned {
            let (Some(of), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
                continue;
            };
            if of != folder {
                continue;
            }
            if planned.is_some() {
                names.insert(name.into());
            } else {
                names.remove(name);
            }
        }
        names
    }

    /// Whether systemd starts what runs there.
    pub(super) fn has_systemd(&self) -> bool {
        if self.is_machine() {
            return Path::new("/run/systemd/system").is_dir();
        }
        ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].iter().any(|file| self.exists(file.as_ref()))
    }
}

/// What a path is made of, without the `.` and the `/` before it.
fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    let named = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().filter(named).map(|part| part.as_os_str().to_owned()).collect()
}

/// Whether a name fits a pattern of `*` and `?`.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => name.char_indices().any(|(at, _)| fits(rest.as_str(), &name[at..])) || fits(rest.as_str(), ""),
        Some('?') => name.chars().next().is_some_and(|first| fits(rest.as_str(), &name[first.len_utf8()..])),
        Some(letter) => name.strip_prefix(letter).is_some_and(|name| fits(rest.as_str(), name)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_nowhere_out_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path())).unwrap();
        for folder in ["etc/ssl", "usr/lib/ssl"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("etc/ssl/openssl.cnf"), "x").unwrap();
        symlink("/etc/ssl/openssl.cnf", dir.path().join("usr/lib/ssl/openssl.cnf")).unwrap();
        symlink("../../../../../etc/ssl", dir.path().join("etc/up")).unwrap();
        symlink("/etc/loop", dir.path().join("etc/loop")).unwrap();
        for path in ["/usr/lib/ssl/openssl.cnf", "/etc/up/openssl.cnf", "/../etc/./ssl/openssl.cnf"] {
            assert_eq!(root.real(path.as_ref()), Path::new("/etc/ssl/openssl.cnf"), "{path}");
            assert_eq!(root.read(path.as_ref()).unwrap().as_deref(), Some("x"), "{path}");
        }
        assert_eq!(root.read("/etc/loop".as_ref()).unwrap(), None);
        assert_eq!(root.read("/etc/none".as_ref()).unwrap(), None);
    }

    #[test]
    fn what_is_planned_is_as_if_it_were_done() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "old").unwrap();
        let root = Root::new(Some(dir.path())).unwrap();
        let planned = root.clone().with("/a".as_ref(), None).with("/b".as_ref(), Some("new".into()));
        assert_eq!(planned.names("/".as_ref()).into_iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(planned.read("/b".as_ref()).unwrap().as_deref(), Some("new"));
        assert_eq!(root.names("/".as_ref()).into_iter().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_pattern_is_that_of_a_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "50-reprise.conf", true),
            ("*.conf", "x.conf.d", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*c*", "abcd", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
