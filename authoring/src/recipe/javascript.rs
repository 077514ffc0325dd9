//! JavaScript, and TypeScript, which becomes it: the module together with QuickJS, its state after the top level ran included.

use std::fs;

use anyhow::{Context, Result};

use super::{MODULE, owned, run};
use crate::{Project, toolchain};

pub(super) fn component(project: &Project, entry: &str) -> Result<Vec<u8>> {
    let node = toolchain::node(project.dir())?;
    super::scratch(project)?;
    let mut words = owned(&[&node, "node_modules/componentize-qjs/cli.mjs", "--sync"]);
    words.extend(owned(&[
        "--wit",
        "wit",
        "--world",
        "policy",
        "--js",
        entry,
        "--module-root",
        ".",
        "--output",
        MODULE,
    ]));
    run(project, &words)?;
    let file = project.dir().join(MODULE);
    fs::read(&file).with_context(|| format!("{} cannot be read, which the build should have left", file.display()))
}

pub(super) fn component_of_typescript(project: &Project) -> Result<Vec<u8>> {
    let node = toolchain::node(project.dir())?;
    run(project, &owned(&[&node, "node_modules/typescript/bin/tsc", "--project", "."]))?;
    component(project, "build/policy.js")
}
