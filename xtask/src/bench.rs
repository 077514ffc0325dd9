//! `cargo xtask bench`: the benchmarks' table.

use anyhow::Result;

use crate::{
    Workspace, policies,
    requirements::{Requirement, ensure},
    run::{cargo, run, step},
};

/// Builds the policies, then builds and runs the benchmarks: all, or with `stores` only what stores
/// cost, or with other arguments only what a policy costs.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(&[Requirement::OpensslHeaders, Requirement::RedisServer])?;
    if let Some((first, rest)) = arguments.split_first()
        && first == "stores"
    {
        return run_bench(workspace, "stores", rest);
    }
    policies::build(workspace)?;
    run_bench(workspace, "resumption", arguments)?;
    if arguments.is_empty() { run_bench(workspace, "stores", &[]) } else { Ok(()) }
}

fn run_bench(workspace: &Workspace, name: &str, arguments: &[String]) -> Result<()> {
    step(&format!("benchmarks: {name}, built as packages are (the first time some ten minutes)"));
    let mut cargo = cargo(&workspace.root);
    policies::tell(workspace, &mut cargo);
    run(cargo.args(["bench", "--profile", "dist", "--package", "reprise", "--bench", name, "--"]).args(arguments))
}
