//! `cargo xtask docs`: what is made of other files under docs/: the templates' texts, the reference of the interface.

use anyhow::Result;

use crate::{
    Workspace,
    run::{cargo, run, step},
};

/// Writes it. The tests hold it against what it is made of.
pub fn write(workspace: &Workspace) -> Result<()> {
    step("writing docs/");
    let mut tests = cargo(&workspace.root);
    tests.args(["test", "--release", "--workspace", "--test", "docs"]).env("REPRISE_WRITE_DOCS", "1");
    run(&mut tests)
}
