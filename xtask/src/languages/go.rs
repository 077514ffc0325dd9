//! Go, by its own compiler: `GOOS=wasip1`, and the WASI that its runtime imports stubbed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use reprise_authoring::{bindings, component::component_with_wasi};

use super::{Policy, copy, emptied, world::World};
use crate::run::run;

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let module = policy.scratch.join("module.wasm");
    let project = project(policy, &world)?;
    let mut go = go(&project);
    go.env("GOOS", "wasip1").env("GOARCH", "wasm");
    // The bindings' package takes memory of the runtime's, which the linker allows to those that it knows.
    go.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -checklinkname=0", "-o"])
        .arg(&module)
        .arg(".");
    run(&mut go)?;
    component_with_wasi(&fs::read(module)?, &policy.sdk("go/wasi.wat"), &world.folder)
}

/// `go test`, natively.
pub(super) fn test(policy: &Policy) -> Result<()> {
    run(go(&project(policy, &World::of(policy)?)?).args(["test", "./policy/..."]))
}

fn go(project: &Path) -> Command {
    let mut go = Command::new("go");
    // The sums of everything are in go.sum.
    go.current_dir(project).env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    go
}

/// The generated bindings, with the SDK and the policy as packages among them.
fn project(policy: &Policy, world: &World) -> Result<PathBuf> {
    let bindings = world.bindings(policy, bindings::go)?.folder;
    let project = emptied(policy.scratch.join("project"))?;
    copy(&bindings, &project)?;
    copy(&policy.sdk("go"), &project)?;
    copy(&policy.folder, &project.join("policy"))?;
    fs::remove_file(project.join("policy/world.wit"))?;
    Ok(project)
}
