//! JavaScript, and TypeScript, which becomes it: the module and QuickJS, its state after the module's top level included.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use super::{
    Language, Policy, copy, emptied,
    toolchains::node_modules,
    world::{self, World},
};
use crate::run::run;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let project = project(policy)?;
    let output = policy.scratch.join("component.wasm");
    let mut componentize = Command::new("node");
    componentize
        .arg(node_modules(&policy.root).join("componentize-qjs/cli.mjs"))
        // WASI's functions are stubs that trap, but for a policy that calls none of them none is there.
        .args(["--sync", "--stub-wasi", "--world", world::NAME, "--wit"])
        .arg(&world.folder)
        .args(["--js", "policy.js", "--module-root", ".", "--output"])
        .arg(&output)
        .current_dir(&project);
    run(&mut componentize)?;
    Ok(fs::read(output)?)
}

/// node's own test runner; the SDK stands in for the host's imports.
pub(super) fn test(policy: &Policy) -> Result<()> {
    let project = project(policy)?;
    run(Command::new("node").args(["--import", "@reprise/sdk/register", "--test", "test.js"]).current_dir(&project))
}

/// The policy's folder with the SDK as a package, as an author has it after `npm install`; TypeScript compiled.
fn project(policy: &Policy) -> Result<PathBuf> {
    let project = emptied(policy.scratch.join("project"))?;
    copy(&policy.folder, &project)?;
    copy(&policy.sdk("javascript"), &project.join("node_modules/@reprise/sdk"))?;
    fs::write(project.join("package.json"), "{ \"type\": \"module\" }\n")?;
    if policy.language == Language::TypeScript {
        fs::copy(policy.sdk("typescript/tsconfig.json"), project.join("tsconfig.json"))?;
        let types = node_modules(&policy.root).join("@types");
        copy(&types, &project.join("node_modules/@types"))?;
        let compiler = node_modules(&policy.root).join("typescript/bin/tsc");
        run(Command::new("node").arg(compiler).args(["--project", "."]).current_dir(&project))?;
    }
    Ok(project)
}
