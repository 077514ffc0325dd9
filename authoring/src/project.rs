//! A policy's project, as `reprise-policy.toml` in its folder describes it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{Language, scaffold::check_name};

/// The file that makes a folder a project.
pub(crate) const DESCRIPTION: &str = "reprise-policy.toml";

/// A folder that [`Project::build`] makes NAME.wasm in.
#[derive(Clone, Debug)]
pub struct Project {
    dir: PathBuf,
    name: String,
    pub(crate) way: Way,
    environment: Vec<(OsString, OsString)>,
}

/// How it is built.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// By the recipe of its language.
    Recipe(Language),
    /// By a command of the author's own, which leaves a module or component there.
    Own { command: String, module: PathBuf },
}

/// Why a folder is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no description in it.
    #[error(
        "{dir}: there is no {DESCRIPTION}, so this is no policy's project. Begin one with `reprise new NAME --lang LANG`, or \
         write the file: `name = \"NAME\"`, and `language = \"LANG\"` or `build = \"COMMAND\"`",
        dir = .0.display()
    )]
    None(PathBuf),
    /// It cannot be read.
    #[error("{}: cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// What is in it makes no sense.
    #[error("{}: {}", .0.display(), .1)]
    Wrong(PathBuf, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    language: Option<String>,
    build: Option<String>,
    module: Option<PathBuf>,
}

/// The largest description that is read.
const MOST: u64 = 1 << 20;

/// The text of a description: it is looked at again and again while somebody works in the folder, who may put
/// anything there.
fn description_in(file: &Path) -> io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(file)?.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::other(format!("it is larger than {MOST} bytes, the most that is read of it")));
    }
    Ok(text)
}

impl Project {
    /// The project in `dir`.
    ///
    /// # Errors
    /// There is none, or its description is wrong; the message says what to write.
    pub fn open(dir: &Path) -> Result<Self, ProjectError> {
        let file = dir.join(DESCRIPTION);
        let text = description_in(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ProjectError::None(dir.into()),
            _ => ProjectError::Unreadable(file.clone(), error),
        })?;
        let wrong = |what: String| ProjectError::Wrong(file.clone(), what);
        let description: Description = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let Description { name, language, build, module } = description;
        check_name(&name).map_err(|error| wrong(error.to_string()))?;
        let way = match (language, build) {
            (Some(language), None) if module.is_none() => Way::Recipe(language.parse().map_err(|unknown| {
                wrong(format!("{unknown}; for another, say how it is built: `build = \"COMMAND\"`"))
            })?),
            (None, Some(command)) => {
                let module = module.unwrap_or_else(|| format!("{name}.wasm").into());
                Way::Own { command, module }
            }
            _ => {
                let expected = "expected either `language`, or `build` and, if the command leaves another file than NAME.wasm, `module`";
                return Err(wrong(expected.into()));
            }
        };
        Ok(Self { dir: dir.into(), name, way, environment: Vec::new() })
    }

    /// Has its commands run with this variable in their environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn environment(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.environment.iter().map(|(name, value)| (name, value))
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it is built to: NAME.wasm.
    pub fn module(&self) -> PathBuf {
        self.dir.join(format!("{}.wasm", self.name))
    }

    /// The file that its build leaves: [`module`](Self::module), or the one that its description names.
    pub fn built(&self) -> PathBuf {
        match &self.way {
            Way::Recipe(_) => self.module(),
            Way::Own { module, .. } => self.dir.join(module),
        }
    }

    /// Its settings, which lie beside the module in a directory of policies: NAME.toml, if there is one.
    pub fn settings(&self) -> PathBuf {
        self.dir.join(format!("{}.toml", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Result<Project, ProjectError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(DESCRIPTION), text).unwrap();
        Project::open(dir.path())
    }

    #[test]
    fn a_project_is_built_by_a_recipe_or_by_a_command_of_its_own() {
        let project = described("name = \"calm\"\nlanguage = \"wat\"").unwrap();
        assert!(matches!(project.way, Way::Recipe(Language::Wat)));
        let project = described("name = \"calm\"\nbuild = \"make\"").unwrap();
        assert!(matches!(&project.way, Way::Own { module, .. } if module == Path::new("calm.wasm")), "{project:?}");
        for both_or_neither in ["", "language = \"c\"\nbuild = \"make\"", "language = \"c\"\nmodule = \"a.wasm\""] {
            let error = described(&format!("name = \"calm\"\n{both_or_neither}")).unwrap_err().to_string();
            assert!(error.contains(DESCRIPTION) && error.contains("expected either"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_description_is_named_with_what_to_write() {
        let error = described("name = \"calm\"\nlanguage = \"cobol\"").unwrap_err().to_string();
        assert!(error.contains("`cobol`") && error.contains("rust, ") && error.contains("build ="), "{error}");
        let error = described("name = \"../calm\"\nlanguage = \"c\"").unwrap_err().to_string();
        assert!(error.contains("`../calm`"), "{error}");
        let nowhere = tempfile::tempdir().unwrap();
        let error = Project::open(nowhere.path()).unwrap_err().to_string();
        assert!(error.contains("reprise new NAME"), "{error}");
    }
}
