//! From a project to NAME.wasm.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    component,
    project::{Project, Way},
    recipe,
};

impl Project {
    /// Builds it and leaves NAME.wasm, a component, in its folder. Each command is shown on stderr
    /// before it runs, and what it says goes there too.
    ///
    /// # Errors
    /// A program is missing (the message ends in the command to type), or says that the sources are wrong.
    pub fn build(&self) -> Result<PathBuf> {
        let component = match &self.way {
            Way::Recipe(language) => recipe::component(self, *language)?,
            Way::Own { command, .. } => {
                self.run(Command::new("sh").args(["-c", command]), command)?;
                of_module(&self.built())?
            }
        };
        let file = self.module();
        replace(&file, &component).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(file)
    }

    /// Runs a command in its folder, showing it as `shown`.
    pub(crate) fn run(&self, command: &mut Command, shown: &str) -> Result<()> {
        // A reader that is gone is no reason not to build.
        let _ = writeln!(io::stderr(), "$ {shown}");
        if command.get_current_dir().is_none() {
            command.current_dir(self.dir());
        }
        let status = command
            .envs(self.environment())
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("`{shown}` could not be started"))?;
        if !status.success() {
            bail!("`{shown}` failed ({status}): see what it said above");
        }
        Ok(())
    }
}

/// The component that the module in a file makes.
pub(crate) fn of_module(file: &Path) -> Result<Vec<u8>> {
    let shown = file.display();
    let module = fs::read(file).with_context(|| format!("{shown} cannot be read, which the build should have left"))?;
    component::of_module(&module).with_context(|| {
        format!("{shown} is no policy: expected a component, or a core module linked with its bindings' component type")
    })
}

/// Replaces a file in one step, for whoever watches.
fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let fresh = file.with_extension("wasm.new");
    fs::write(&fresh, content)?;
    fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_ones_own_leaves_a_component() {
        let dir = tempfile::tempdir().unwrap();
        let description = "name = \"calm\"\nbuild = 'printf \"\\0asm\\015\\0\\001\\0\" > out'\nmodule = \"out\"";
        fs::write(dir.path().join("reprise-policy.toml"), description).unwrap();
        let built = Project::open(dir.path()).unwrap().build().unwrap();
        assert_eq!(built, dir.path().join("calm.wasm"));
        assert_eq!(fs::read(built).unwrap(), b"\0asm\x0d\0\x01\0");
    }

    #[test]
    fn a_build_that_fails_leaves_what_was_built_before() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("calm.wasm"), "before").unwrap();
        for (command, named) in [("exit 3", "`exit 3` failed"), ("echo text > calm.wasm.core", "no policy")] {
            let description = format!("name = \"calm\"\nbuild = \"{command}\"\nmodule = \"calm.wasm.core\"");
            fs::write(dir.path().join("reprise-policy.toml"), description).unwrap();
            let error = format!("{:#}", Project::open(dir.path()).unwrap().build().unwrap_err());
            assert!(error.contains(named), "{error}");
            assert_eq!(fs::read(dir.path().join("calm.wasm")).unwrap(), b"before");
        }
    }
}
