//! What is to be done to files: shown first, then done as a whole or not at all.

use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use reprise_session::replace::replace;

use super::Root;
use crate::cli::module::names::Server;

/// Files, each with what it has and what it is to have.
#[derive(Debug, Default)]
pub(in crate::cli::module) struct Plan {
    changes: Vec<Change>,
}

/// What a command is going to do.
#[derive(Debug, Default)]
pub(in crate::cli::module) struct Planned {
    pub(in crate::cli::module) plan: Plan,
    /// Servers for which there is something to do.
    pub(in crate::cli::module) changed: Vec<Server>,
    /// What is to be said beside.
    pub(in crate::cli::module) said: Vec<String>,
}

/// One file.
#[derive(Debug)]
struct Change {
    path: PathBuf,
    before: Option<String>,
    after: Option<String>,
    /// Where it goes that is taken away.
    kept: Option<PathBuf>,
}

impl Planned {
    /// Does this for a server, too; where it is nothing, that is said.
    pub(in crate::cli::module) fn add(&mut self, server: &Server, plan: Plan, nothing: &str) {
        if plan.is_empty() {
            self.said.push(format!("{server} {nothing}"));
        } else {
            self.changed.push(server.clone());
            self.plan.changes.extend(plan.changes);
        }
    }
}

impl Plan {
    /// `path` is to have this text, or to be gone. What is so already is no change.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::cli::module) fn set(&mut self, root: &Root, path: &Path, after: Option<String>) -> Result<()> {
        let before = root.read(path)?;
        if before != after {
            self.changes.push(Change { path: path.to_owned(), before, after, kept: None });
        }
        Ok(())
    }

    /// `path` is to have another name.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::cli::module) fn keep_as(&mut self, root: &Root, path: &Path, kept: PathBuf) -> Result<()> {
        self.changes.push(Change { path: path.to_owned(), before: root.read(path)?, after: None, kept: Some(kept) });
        Ok(())
    }

    pub(in crate::cli::module) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The files as they will be.
    pub(in crate::cli::module) fn over(&self, root: &Root) -> Root {
        self.changes.iter().fold(root.clone(), |root, change| root.with(&change.path, change.after.clone()))
    }

    /// Everything that is going to be written.
    pub(in crate::cli::module) fn shown(&self) -> String {
        let mut page = String::new();
        for Change { path, before, after, kept } in &self.changes {
            let shown = path.display();
            let _ = match (before, after, kept) {
                (_, _, Some(kept)) => writeln!(page, "{shown}: changed by hand, kept as {}", kept.display()),
                (None, ..) => writeln!(page, "{shown}: new"),
                (_, None, _) => writeln!(page, "{shown}: removed"),
                _ => writeln!(page, "{shown}: changed"),
            };
            page += &difference(before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
            page.push('\n');
        }
        page
    }

    /// Does it. Where one change fails, those before it are taken back.
    ///
    /// # Errors
    /// The system's, with the file.
    pub(in crate::cli::module) fn apply(&self, root: &Root) -> Result<()> {
        let mut done = Vec::new();
        for change in &self.changes {
            let (mut made, at) = (Vec::new(), root.at(&change.path));
            let changed = change.apply(root, &at, &mut made);
            done.push((change, at, made));
            if let Err(error) = changed {
                let failed = done.len() - 1;
                let untaken = take_back(root, &done, failed);
                let what = if untaken.is_empty() {
                    "nothing was changed".into()
                } else {
                    format!("these are not as they were: {}", untaken.join(", "))
                };
                let hint = if error.kind() == io::ErrorKind::PermissionDenied { "; run this as root" } else { "" };
                return Err(error)
                    .with_context(|| format!("{} cannot be written ({what}{hint})", change.path.display()));
            }
        }
        Ok(())
    }
}

/// Undoes what was done; the change at `failed` was not. Names what could not be undone.
fn take_back(root: &Root, done: &[(&Change, PathBuf, Vec<PathBuf>)], failed: usize) -> Vec<String> {
    let mut untaken = Vec::new();
    for (number, (change, at, made)) in done.iter().enumerate().rev() {
        let undone = if number == failed { Ok(()) } else { change.undo(root, at) };
        if undone.is_err() {
            untaken.push(change.path.display().to_string());
        }
        // Folders that are not empty are somebody's by now.
        made.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
    }
    untaken
}

impl Change {
    fn apply(&self, root: &Root, at: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
        if let Some(kept) = &self.kept {
            return fs::rename(at, root.at(kept));
        }
        let Some(after) = &self.after else {
            fs::remove_file(at)?;
            // The folder of drop-ins goes with the last of them, as with `systemctl revert`.
            if let Some(folder) = at.parent().filter(|folder| folder.extension().is_some_and(|name| name == "d")) {
                let _ = fs::remove_dir(folder);
            }
            return Ok(());
        };
        folders(at.parent().unwrap_or(at), made)?;
        write(at, after)
    }

    fn undo(&self, root: &Root, at: &Path) -> io::Result<()> {
        match (&self.before, &self.kept) {
            (_, Some(kept)) => fs::rename(root.at(kept), at),
            (None, _) => fs::remove_file(at),
            (Some(before), _) => {
                folders(at.parent().unwrap_or(at), &mut Vec::new())?;
                write(at, before)
            }
        }
    }
}

/// Makes a folder and those above it, and notes which it made.
fn folders(folder: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        folders(above, made)?;
    }
    fs::create_dir(folder)?;
    made.push(folder.to_owned());
    // Servers read what is in it, whatever the umask of this command is.
    fs::set_permissions(folder, PermissionsExt::from_mode(0o755))
}

/// Writes a file whole; one that was there keeps its mode and its owner.
fn write(at: &Path, text: &str) -> io::Result<()> {
    let was = fs::metadata(at).ok();
    let mode = was.as_ref().map_or(0o644, |was| was.mode() & 0o7777);
    replace(at, text.as_bytes(), mode)?;
    fs::set_permissions(at, PermissionsExt::from_mode(mode))?;
    let now = fs::metadata(at)?;
    match was {
        Some(was) if (was.uid(), was.gid()) != (now.uid(), now.gid()) => chown(at, Some(was.uid()), Some(was.gid())),
        _ => Ok(()),
    }
}

/// The lines that are taken away and those that come, between those that stay.
fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let (before, after) = (&before[same..], &after[same..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let signed = |sign: &str, lines: &[&str]| {
        lines.iter().map(|line| format!("  {sign} {line}").trim_end().to_owned() + "\n").collect::<String>()
    };
    signed("-", &before[..before.len() - end]) + &signed("+", &after[..after.len() - end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_what_changed() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n"), "  - b\n  + x\n  + y\n");
        assert_eq!(difference("", "a\n\n"), "  + a\n  +\n");
        assert_eq!(difference("a\na\n", "a\n"), "  - a\n");
    }

    #[test]
    fn what_fails_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path())).unwrap();
        for (name, content) in [("old", "1"), ("gone", "2"), ("mine", "3"), ("no-folder", "4")] {
            fs::write(dir.path().join(name), content).unwrap();
        }
        fs::set_permissions(dir.path().join("old"), PermissionsExt::from_mode(0o640)).unwrap();
        let mut plan = Plan::default();
        plan.set(&root, "/old".as_ref(), Some("new".into())).unwrap();
        plan.set(&root, "/gone".as_ref(), None).unwrap();
        plan.keep_as(&root, "/mine".as_ref(), "/mine.kept".into()).unwrap();
        plan.set(&root, "/a/b.d/c.conf".as_ref(), Some("new".into())).unwrap();
        let well = plan.changes.len();
        plan.changes.push(Change { path: "/no-folder/x".into(), before: None, after: Some("x".into()), kept: None });
        let error = format!("{:#}", plan.apply(&root).unwrap_err());
        assert!(error.contains("/no-folder/x") && error.contains("nothing was changed"), "{error}");
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).ok();
        assert_eq!([read("old"), read("gone"), read("mine")].map(Option::unwrap), ["1", "2", "3"]);
        assert!(!dir.path().join("a").exists() && !dir.path().join("mine.kept").exists());
        plan.changes.truncate(well);
        plan.apply(&root).unwrap();
        assert_eq!((read("old").unwrap().as_str(), read("gone")), ("new", None));
        assert_eq!(fs::metadata(dir.path().join("old")).unwrap().mode() & 0o777, 0o640);
        assert_eq!(read("mine.kept").unwrap(), "3");
        assert_eq!(read("a/b.d/c.conf").unwrap(), "new");
    }
}
