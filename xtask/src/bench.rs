//! `cargo xtask bench`: the benchmarks' table.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{
    Workspace, policies,
    requirements::{Requirement, ensure},
    run::{cargo, run, step},
};

/// Builds the policies, then builds and runs the benchmarks: with `stores` only what stores cost,
/// with `module` only what the module costs in nginx, with other arguments only what a policy
/// costs; without any all but the module's.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(&[Requirement::OpensslHeaders, Requirement::RedisServer])?;
    if let Some((first, rest)) = arguments.split_first()
        && first == "stores"
    {
        return run_bench(workspace, "stores", rest);
    }
    if let Some((first, rest)) = arguments.split_first()
        && first == "module"
    {
        return module(workspace, rest);
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

/// What the module costs in nginx. What is measured is built as packages are; what measures is
/// built as everybody builds the workspace, so that no dependency is compiled again for it.
fn module(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(&[Requirement::Nginx])?;
    policies::build(workspace)?;
    let [program, module] = measured(workspace)?;
    step(&format!("benchmarks: module; measured are {} and {}", program.display(), module.display()));
    let mut cargo = cargo(&workspace.root);
    policies::tell(workspace, &mut cargo);
    cargo.env("REPRISE_BIN", program).env("REPRISE_MODULE", module);
    run(cargo.args(["bench", "--profile", "release", "--workspace", "--bench", "module", "--"]).args(arguments))
}

/// The program and the module: what `REPRISE_BIN` and `REPRISE_MODULE` name; else they are built.
fn measured(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    match ["REPRISE_BIN", "REPRISE_MODULE"].map(std::env::var_os) {
        [Some(program), Some(module)] => {
            step("not built: REPRISE_BIN and REPRISE_MODULE are set");
            // Cargo runs benchmarks in another directory.
            let file =
                |path| std::fs::canonicalize(&path).with_context(|| format!("{}", PathBuf::from(&path).display()));
            Ok([file(program)?, file(module)?])
        }
        [None, None] => {
            step("building the program and the module as packages are (the first time some ten minutes)");
            let mut cargo = cargo(&workspace.root);
            run(cargo.args(["build", "--profile", "dist", "--workspace", "--bin", "reprise", "--lib"]))?;
            Ok(["reprise", "libreprise_module.so"].map(|name| workspace.path("target/dist").join(name)))
        }
        _ => bail!("only one of REPRISE_BIN and REPRISE_MODULE is set: set both, or none to have both built"),
    }
}
