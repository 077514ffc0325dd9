//! Programs from PyPI, ready-made and pinned by hash, each in a Python environment of its own.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    requirements::{Requirement, ensure},
    run::run,
};

/// Makes an environment at `place` and installs in it what `pins`, a file as pip reads it, names.
/// Its programs are in `place/bin`.
///
/// # Errors
/// Python has no venv, the registry cannot be reached, or it has something else under that name.
pub(crate) fn install(place: &Path, pins: &Path) -> Result<()> {
    ensure(&[Requirement::PythonVenv])?;
    run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    let mut pip = Command::new(place.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary", ":all:", "--require-hashes", "-r"])
        .arg(pins);
    run(&mut pip)
}
