//! A policy under plugins/languages, and the project that it is laid out as: what an author has
//! after `reprise new` and the installation of the language's packages.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use reprise_authoring::{Language, Project, furnish};

use super::{emptied, toolchains};

/// One policy in one language.
pub(super) struct Policy {
    pub(super) language: Language,
    /// Its folder's name: `smallest`, `tenants`.
    pub(super) name: String,
    /// Its sources.
    pub(super) folder: PathBuf,
    /// Where its build may write.
    scratch: PathBuf,
    /// The workspace's.
    pub(super) root: PathBuf,
}

impl Policy {
    pub(super) fn new(root: &Path, language: Language, folder: PathBuf, name: String) -> Self {
        let scratch = toolchains::folder(root).join("build").join(format!("{name}-{language}"));
        Self { language, name, folder, scratch, root: root.into() }
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}-{}", self.name, self.language)
    }

    /// Where it is noted what was built.
    pub(super) fn stamp(&self) -> PathBuf {
        self.scratch.join("built")
    }

    /// Its project, where it was built.
    pub(super) fn project(&self) -> PathBuf {
        self.scratch.join("project")
    }

    pub(super) fn build(&self) -> Result<Vec<u8>> {
        self.lay_out()?;
        let built = toolchains::environment(&self.root)
            .into_iter()
            .fold(Project::open(&self.project())?, |project, (name, value)| project.env(name, value))
            .build()?;
        fs::read(&built).with_context(|| format!("{} could not be read", built.display()))
    }

    fn lay_out(&self) -> Result<()> {
        let project = emptied(self.project())?;
        copy(&self.folder, &project)?;
        furnish(&project, self.language)?;
        fs::rename(project.join("world.wit"), project.join("wit/world.wit"))?;
        let description = format!("name = \"{}\"\nlanguage = \"{}\"\n", self.full_name(), self.language);
        fs::write(project.join("reprise-policy.toml"), description)?;
        match self.language {
            Language::JavaScript => self.install_node_packages(&project),
            Language::TypeScript => {
                let settings = self.root.join("plugin-sdk/typescript/tsconfig.json");
                fs::copy(settings, project.join("tsconfig.json"))?;
                self.install_node_packages(&project)
            }
            language => match toolchains::venv(&self.root, language) {
                Some(venv) => Ok(symlink(venv, project.join(".venv"))?),
                None => Ok(()),
            },
        }
    }

    /// What `npm install` does, of what is here.
    fn install_node_packages(&self, project: &Path) -> Result<()> {
        fs::write(project.join("package.json"), "{ \"type\": \"module\" }\n")?;
        let modules = project.join("node_modules");
        fs::create_dir_all(modules.join("@reprise"))?;
        symlink("../../sdk", modules.join("@reprise/sdk"))?;
        for entry in fs::read_dir(toolchains::node_modules(&self.root))?.flatten() {
            symlink(entry.path(), modules.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// Copies what is in a folder, folders in it included.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} could not be read", from.display()))?.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("{} could not be copied", source.display()))?;
        }
    }
    Ok(())
}
