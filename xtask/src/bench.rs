//! `cargo xtask bench`: the benchmarks' table.

use anyhow::Result;

use crate::{
    Workspace, policies,
    requirements::{Requirement, ensure},
    run::{cargo, run, step},
};

/// Builds the policies, then builds and runs the benchmarks.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(&[Requirement::OpensslHeaders])?;
    policies::build(workspace)?;
    step("benchmarks");
    let mut cargo = cargo(&workspace.root);
    policies::tell(workspace, &mut cargo);
    run(cargo.args(["bench", "--workspace", "--bench", "resumption", "--"]).args(arguments))
}
