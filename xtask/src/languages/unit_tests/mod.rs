//! The unit tests that lie beside a policy, run natively by its language's own means. The SDK
//! stands in for the host's imports.

mod c;

use std::{env, process::Command};

use anyhow::Result;
use reprise_authoring::Language;

use super::{emptied, policy::Policy, toolchains};
use crate::run::run as run_command;

/// Runs those of a policy that has been built.
pub(super) fn run(policy: &Policy) -> Result<()> {
    match policy.language {
        Language::C | Language::Cpp | Language::Zig => c::run(policy),
        Language::Go => go(policy),
        Language::JavaScript => node(policy, "test.js"),
        Language::TypeScript => node(policy, "build/test.js"),
        Language::Python => python(policy),
        // Text has no tests but the vectors; those in Rust are tested with the workspace.
        Language::Wat | Language::Rust => Ok(()),
    }
}

/// `go test`, in the module that the build has put together.
fn go(policy: &Policy) -> Result<()> {
    let mut go = toolchains::go(&policy.root);
    go.args(["test", "./policy/..."]).env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    run_command(go.current_dir(policy.project().join("build/go")))
}

/// node's own test runner.
fn node(policy: &Policy, tests: &str) -> Result<()> {
    let mut node = Command::new("node");
    run_command(node.args(["--import", "@reprise/sdk/register", "--test", tests]).current_dir(policy.project()))
}

/// unittest, with the bindings that componentize-py generates.
fn python(policy: &Policy) -> Result<()> {
    let project = policy.project();
    let bindings = emptied(project.join("build/bindings"))?;
    let mut generate = toolchains::componentize_py(&policy.root);
    generate.args(["--wit-path", "wit", "--world", "policy", "bindings"]).arg(&bindings).current_dir(&project);
    run_command(&mut generate)?;
    let mut unittest = Command::new("python3");
    unittest.env("PYTHONPATH", env::join_paths([project.join("sdk"), bindings])?).env("PYTHONDONTWRITEBYTECODE", "1");
    run_command(unittest.args(["-m", "unittest", "--quiet", "test"]).current_dir(&project))
}
