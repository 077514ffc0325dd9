//! Python: the modules and CPython, its state after they were imported included.

use std::{fs, process::Command};

use anyhow::Result;

use super::{
    Policy, copy, emptied,
    toolchains::componentize_py,
    world::{self, World},
};
use crate::run::run;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let project = emptied(policy.scratch.join("project"))?;
    copy(&policy.folder, &project)?;
    copy(&policy.sdk("python/reprise"), &project.join("reprise"))?;
    let output = policy.scratch.join("component.wasm");
    let mut componentize = componentize_py(&policy.root);
    componentize.arg("--wit-path").arg(&world.folder).args(["--world", world::NAME]);
    // A policy gets no files, no clock and no environment: WASI's functions are stubs that trap.
    componentize.args(["componentize", "--stub-wasi", &policy.name, "--python-path", ".", "--output"]).arg(&output);
    run(componentize.current_dir(&project))?;
    Ok(fs::read(output)?)
}

/// unittest, with the bindings that componentize-py generates and the SDK's stand-ins for the host's imports.
pub(super) fn test(policy: &Policy) -> Result<()> {
    let world = World::of(policy)?;
    let bindings = emptied(policy.scratch.join("bindings"))?;
    let mut generate = componentize_py(&policy.root);
    generate.arg("--wit-path").arg(&world.folder).args(["--world", world::NAME, "bindings"]).arg(&bindings);
    run(&mut generate)?;
    let path = [policy.folder.clone(), policy.sdk("python"), bindings];
    let mut unittest = Command::new("python3");
    unittest.env("PYTHONPATH", std::env::join_paths(path)?).env("PYTHONDONTWRITEBYTECODE", "1");
    run(unittest.args(["-m", "unittest", "--quiet", "test"]).current_dir(&policy.folder))
}
