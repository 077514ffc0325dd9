//! `cargo xtask serve`: everything built, and a server with a directory of policies to play with.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    Workspace, policies,
    requirements::{Requirement, ensure},
    run::{cargo, run, step},
};

/// The policy that a first run serves with, by its name and by the one that it has in ./policies.
const FIRST: (&str, &str) = ("tenants", "10-tenants");

/// Builds all that is needed and becomes `reprise serve`.
pub fn serve(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(&[Requirement::OpensslHeaders])?;
    policies::build(workspace)?;
    step("building the server");
    // The whole workspace's features, so that the tests' build has nothing to build again.
    run(cargo(&workspace.root)
        .args(["build", "--release", "--workspace", "--bin", "reprise"])
        .arg("--target-dir")
        .arg(workspace.path("target")))?;

    let directory = workspace.path("policies");
    set_up(&directory, workspace)?;
    let server = workspace.path("target/release/reprise");
    step(&format!("{} serve --policies {}", shown(&server), shown(&directory)));
    // The server takes this process's place, so that signals reach it. What comes back is why it could not.
    let error = Command::new(&server).args(["serve", "--policies"]).arg(shown_path(&directory)).args(arguments).exec();
    Err(error).with_context(|| format!("{} could not be started", server.display()))
}

/// What to do about ./policies.
#[derive(Debug, PartialEq, Eq)]
enum SetUp {
    /// It is not there: make it, with the first policy and its settings.
    Make,
    /// It is the user's, and holds another module than the one just built, under its name: say so.
    Differs,
    /// It is the user's.
    Leave,
}

fn plan(directory_exists: bool, module: Option<&[u8]>, built: &[u8]) -> SetUp {
    match module {
        _ if !directory_exists => SetUp::Make,
        Some(module) if module != built => SetUp::Differs,
        _ => SetUp::Leave,
    }
}

fn set_up(directory: &Path, workspace: &Workspace) -> Result<()> {
    let (name, file) = FIRST;
    let built = workspace.built_policies().join(format!("{name}.wasm"));
    let module = directory.join(format!("{file}.wasm"));
    let bytes = fs::read(&built).with_context(|| format!("{} could not be read", built.display()))?;
    match plan(directory.exists(), fs::read(&module).ok().as_deref(), &bytes) {
        SetUp::Leave => {}
        SetUp::Differs => eprintln!(
            "\n{0} is not the module just built, and stays as it is. To serve with that one:\n  cp {1} {0}",
            shown(&module),
            shown(&built)
        ),
        SetUp::Make => {
            step(&format!("making {} with {file}.wasm and {file}.toml", shown(directory)));
            let settings = workspace.path(&format!("plugins/{name}/{name}.toml"));
            let made = fs::create_dir_all(directory)
                .and_then(|()| fs::copy(&settings, directory.join(format!("{file}.toml"))))
                .and_then(|_| fs::write(&module, &bytes));
            if let Err(error) = made {
                bail!("{} could not be set up: {error}", directory.display());
            }
        }
    }
    Ok(())
}

/// A path as it is typed from where the user is.
fn shown_path(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map(|relative| Path::new(".").join(relative)).unwrap_or_else(|_| path.to_owned())
}

fn shown(path: &Path) -> String {
    shown_path(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_makes_the_directory() {
        assert_eq!(plan(false, None, b"built"), SetUp::Make);
    }

    #[test]
    fn what_a_user_took_out_is_not_put_back() {
        assert_eq!(plan(true, None, b"built"), SetUp::Leave);
    }

    #[test]
    fn a_module_that_differs_is_told_about_and_left_alone() {
        assert_eq!(plan(true, Some(b"other"), b"built"), SetUp::Differs);
        assert_eq!(plan(true, Some(b"built"), b"built"), SetUp::Leave);
    }
}
