//! Who may write what policies and sessions are loaded from.
//!
//! A path is followed from the root, link by link. On the way each directory, link and file must
//! belong to root or to this process's user, and only its owner may write it; so nobody else can
//! put another file in the place of any of them, neither now nor between this look and the reading.
//! POSIX ACLs show in the mode: its group bits are their mask.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

/// Who else may write what is at `path`, a directory or a file: in words for the operator. None if
/// nobody may, or there is nothing there.
pub fn exposed(path: &Path) -> Option<String> {
    Eyes::ours().follow(path).unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => None,
        _ => Some(format!("{}: it cannot be seen who may write it: {error}", path.display())),
    })
}

/// Like [`exposed`], for a file in a directory that was looked at itself: the way there is followed for a link only.
pub fn file_exposed(path: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_symlink() { exposed(path) } else { Eyes::ours().judge(path, &metadata, true) }
}

/// By whom a process is.
struct Eyes {
    user: u32,
}

impl Eyes {
    fn ours() -> Self {
        Self { user: nix::unistd::geteuid().as_raw() }
    }

    fn follow(&self, path: &Path) -> io::Result<Option<String>> {
        const MOST_LINKS: usize = 40; // The kernel's own bound (path_resolution(7)).
        let mut rest = steps(&std::path::absolute(path)?);
        let (mut at, mut links) = (PathBuf::new(), 0);
        while let Some(step) = rest.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(step);
            let metadata = fs::symlink_metadata(&next)?;
            if let Some(found) = self.judge(&next, &metadata, rest.is_empty()) {
                return Ok(Some(found));
            }
            if metadata.is_symlink() {
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::other("too many symbolic links"));
                }
                // An absolute target begins at the root again, by its first step.
                let mut target = steps(&fs::read_link(&next)?);
                target.append(&mut rest);
                rest = target;
            } else {
                at = next;
            }
        }
        Ok(None)
    }

    fn judge(&self, path: &Path, found: &Metadata, last: bool) -> Option<String> {
        const GROUP: u32 = 0o020;
        const OTHERS: u32 = 0o002;
        const STICKY: u32 = 0o1000;
        let (shown, mode) = (path.display(), found.mode());
        if found.uid() != 0 && found.uid() != self.user {
            let (owner, user) = (found.uid(), self.user);
            return Some(format!(
                "{shown} belongs to user {owner}, who could change what this server reads there; expected root or this server's user ({user}): \
                 chown it"
            ));
        }
        // A link's mode means nothing. In a sticky directory above nobody can replace what is not his.
        if found.is_symlink() || mode & (GROUP | OTHERS) == 0 || (!last && mode & STICKY != 0) {
            return None;
        }
        let who = if mode & OTHERS != 0 { "everyone" } else { "its group" };
        let mode = mode & 0o7777;
        Some(format!(
            "{shown} can be written by {who} (mode {mode:04o}), who could change what this server reads there; expected its owner only: \
             chmod go-w {shown}"
        ))
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let meant = path.components().filter(|component| *component != Component::CurDir);
    meant.map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// `root/outer/policies/a.wasm`, for its owner only.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(tree.at("outer/policies")).unwrap();
            fs::write(tree.at("outer/policies/a.wasm"), "x").unwrap();
            for path in ["outer", "outer/policies", "outer/policies/a.wasm"] {
                tree.set(path, 0o700);
            }
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn set(&self, path: &str, mode: u32) {
            fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn what_only_its_owner_may_write_is_not_exposed() {
        let tree = Tree::new();
        for mode in [0o700, 0o755, 0o750] {
            tree.set("outer/policies", mode);
            assert_eq!(exposed(&tree.at("outer/policies")), None, "{mode:o}");
            assert_eq!(exposed(&tree.at("outer/policies/a.wasm")), None, "{mode:o}");
        }
        assert_eq!(exposed(&tree.at("nothing")), None);
    }

    #[test]
    fn a_group_or_everyone_who_may_write_exposes_a_file_and_a_directory_anywhere_above_it() {
        for path in ["outer", "outer/policies", "outer/policies/a.wasm"] {
            for (mode, who) in [(0o770, "its group"), (0o707, "everyone"), (0o777, "everyone")] {
                let tree = Tree::new();
                tree.set(path, mode);
                let found = exposed(&tree.at("outer/policies/a.wasm")).expect(path);
                assert!(found.contains(who) && found.contains(tree.at(path).to_str().unwrap()), "{found}");
            }
        }
    }

    #[test]
    fn a_sticky_directory_is_no_objection_above_and_is_one_as_the_directory_itself() {
        let tree = Tree::new();
        tree.set("outer", 0o1777);
        assert_eq!(exposed(&tree.at("outer/policies")), None);
        assert!(exposed(&tree.at("outer")).is_some());
    }

    #[test]
    fn a_link_is_as_exposed_as_the_way_to_what_it_leads_to() {
        let tree = Tree::new();
        fs::create_dir(tree.at("elsewhere")).unwrap();
        fs::write(tree.at("elsewhere/b.wasm"), "x").unwrap();
        tree.set("elsewhere", 0o755);
        tree.set("elsewhere/b.wasm", 0o644);
        for (name, target) in
            [("absolute.wasm", tree.at("elsewhere/b.wasm")), ("relative.wasm", "../../elsewhere/b.wasm".into())]
        {
            let link = tree.at("outer/policies").join(name);
            symlink(target, &link).unwrap();
            assert_eq!(file_exposed(&link), None, "{name}");
            tree.set("elsewhere", 0o777);
            assert!(file_exposed(&link).is_some_and(|found| found.contains("elsewhere")), "{name}");
            tree.set("elsewhere", 0o755);
        }
        let round = tree.at("outer/policies/round.wasm");
        symlink("round.wasm", &round).unwrap();
        assert!(file_exposed(&round).is_some_and(|found| found.contains("too many")));
    }

    #[test]
    fn what_belongs_to_another_user_is_exposed() {
        let tree = Tree::new();
        let file = tree.at("outer/policies/a.wasm");
        let (ours, metadata) = (Eyes::ours(), fs::metadata(&file).unwrap());
        assert_eq!(ours.judge(&file, &metadata, true), None);
        if ours.user == 0 {
            chown(&file, Some(65_534), None).unwrap();
            assert!(exposed(&file).is_some_and(|found| found.contains("belongs to user 65534")));
        } else {
            let other = Eyes { user: ours.user + 1 };
            assert!(other.judge(&file, &metadata, true).is_some_and(|found| found.contains("belongs to user")));
        }
    }
}
