//! The directory that the policy is dropped into.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use reprise_authoring::Project;
use reprise_policy::{names::policy_name, policies_dir::DirOptions};
use reprise_session::{reading, replace::replace};

use crate::state_dir;

/// How a policy's files are written: for everybody to read, as they would be copied.
const MODE: u32 = 0o644;

/// A directory of policies: one that the operator has, or one of the project's own.
pub(super) struct Place {
    dir: PathBuf,
    own: bool,
}

/// What became of the settings in the drop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DroppedSettings {
    /// The project's lie beside the module now, or it has none.
    Ours,
    /// Others lie there, which are the operator's.
    Theirs(PathBuf),
}

impl Place {
    /// The directory `given`, else one in `own`, which is made.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn new(given: Option<PathBuf>, own: &Path) -> Result<Self> {
        let (dir, own) = match given {
            Some(dir) => (dir, false),
            None => (own.join("policies"), true),
        };
        if own {
            state_dir::make(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        }
        Ok(Self { dir, own })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts the policy there, each file in one step: the settings first, so that no server sees the module with others.
    ///
    /// # Errors
    /// A file cannot be read or written; the message names it.
    pub(super) fn drop_in(&self, project: &Project) -> Result<DroppedSettings> {
        let module = self.module(project.name());
        let settings = module.with_extension("toml");
        let most = DirOptions::default().max_module_size;
        let ours = match reading::read(&project.settings(), most) {
            Ok(whole) => Some(whole.bytes),
            Err(unread) if unread.is_missing() => None,
            Err(unread) => return Err(unread.into()),
        };
        let there = reading::read(&settings, most).ok().map(|whole| whole.bytes);
        let mut dropped = DroppedSettings::Ours;
        match ours {
            _ if ours == there => {}
            _ if !self.own && there.is_some() => dropped = DroppedSettings::Theirs(settings),
            Some(content) => write(&settings, &content)?,
            None => fs::remove_file(&settings).with_context(|| format!("{} cannot be removed", settings.display()))?,
        }
        write(&module, &reading::read(&project.module(), most)?.bytes)?;
        Ok(dropped)
    }

    /// Where the policy of this name lies: it may have a number there.
    fn module(&self, name: &str) -> PathBuf {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let numbered = files.find(|file| file.ends_with(".wasm") && policy_name(file) == name);
        self.dir.join(numbered.unwrap_or_else(|| format!("{name}.wasm")))
    }
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    replace(file, content, MODE).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use reprise_authoring::{Language, scaffold};

    use super::*;

    /// A project that is built, in a directory.
    fn project(dir: &Path) -> Project {
        scaffold(&dir.join("calm"), "calm", Language::Wat).unwrap();
        fs::write(dir.join("calm/calm.wasm"), "built").unwrap();
        Project::open(&dir.join("calm")).unwrap()
    }

    #[test]
    fn in_a_directory_of_its_own_the_projects_settings_hold_and_go_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let place = Place::new(None, dir.path()).unwrap();
        let (module, settings) = (place.dir().join("calm.wasm"), place.dir().join("calm.toml"));
        assert_eq!(place.drop_in(&project).unwrap(), DroppedSettings::Ours);
        assert_eq!(fs::read(&module).unwrap(), b"built");
        assert_eq!(fs::read(&settings).unwrap(), fs::read(project.settings()).unwrap());
        fs::remove_file(project.settings()).unwrap();
        place.drop_in(&project).unwrap();
        assert!(!settings.exists());
    }

    #[test]
    fn an_operators_settings_and_number_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        fs::create_dir(dir.path().join("policies")).unwrap();
        let place = Place::new(Some(dir.path().join("policies")), dir.path()).unwrap();
        fs::write(place.dir().join("10-calm.wasm"), "live").unwrap();
        fs::write(place.dir().join("10-calm.toml"), "theirs").unwrap();
        let theirs = DroppedSettings::Theirs(place.dir().join("10-calm.toml"));
        assert_eq!(place.drop_in(&project).unwrap(), theirs);
        assert_eq!(fs::read(place.dir().join("10-calm.toml")).unwrap(), b"theirs");
        assert_eq!(fs::read(place.dir().join("10-calm.wasm")).unwrap(), b"built");
        assert!(!place.dir().join("calm.wasm").exists());
    }
}
