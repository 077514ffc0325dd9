//! Programs that are left alone, as an operator has said, also when the agent starts again: names in a file, one a line.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use reprise_session::{reading, replace::replace};

/// Stands for every program. None has such a name.
const ALL: &str = "*";

/// The most bytes of the file.
const MOST: u64 = 1 << 20;

/// Programs that are left alone.
#[derive(Debug, Default)]
pub struct Leaving {
    file: Option<PathBuf>,
    programs: BTreeSet<String>,
}

impl Leaving {
    /// Those in this file, which need not be there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(file: Option<PathBuf>) -> io::Result<Self> {
        let text = match &file {
            Some(file) if file.exists() => reading::read_text_once(file, MOST).map_err(io::Error::other)?,
            _ => Default::default(),
        };
        let programs = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Self { file, programs })
    }

    /// Whether this program is one.
    pub fn leaves(&self, program: &str) -> bool {
        self.programs.contains(program) || self.programs.contains(ALL)
    }

    /// Their names; `*` for all.
    pub fn programs(&self) -> &BTreeSet<String> {
        &self.programs
    }

    /// Has a program, or all, be one or not. Where it cannot be written down, it holds until the agent ends.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set(&mut self, program: Option<&str>, leaves: bool) -> io::Result<()> {
        match (program, leaves) {
            (None, false) => self.programs.clear(),
            (Some(program), false) => drop(self.programs.remove(program)),
            (program, true) => drop(self.programs.insert(program.unwrap_or(ALL).to_owned())),
        }
        self.file.as_deref().map_or(Ok(()), |file| self.write(file))
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        let lines: String = self.programs.iter().map(|program| format!("{program}\n")).collect();
        replace(file, lines.as_bytes(), 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone_stays_so_until_it_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("stands-down");
        let read = || Leaving::read(Some(file.clone())).unwrap();
        let mut leaving = read();
        assert!(!leaving.leaves("nginx"));
        leaving.set(Some("nginx"), true).unwrap();
        assert!(read().leaves("nginx") && !read().leaves("haproxy"));
        leaving.set(None, true).unwrap();
        assert!(read().leaves("haproxy"));
        leaving.set(None, false).unwrap();
        assert!(!read().leaves("nginx") && read().programs().is_empty());
        // Without a file it holds, too.
        let mut leaving = Leaving::read(None).unwrap();
        leaving.set(Some("nginx"), true).unwrap();
        assert!(leaving.leaves("nginx"));
        leaving.set(Some("nginx"), false).unwrap();
        assert!(!leaving.leaves("nginx"));
    }
}
