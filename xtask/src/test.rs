//! `cargo xtask test`: what CI runs.
//!
//! The tests are told two things by the environment: `REPRISE_POLICIES`, where the policies that ship have been built
//! (NAME.wasm), and `REPRISE_BIN`, the server to test. Both are absolute paths. Where a system lets nobody mount a file system, two tests
//! fail and say so; `REPRISE_WITHOUT_MOUNTS=1`, set by whoever runs them, leaves them out.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use reprise_authoring::Language;

use crate::{
    Workspace, dependencies,
    languages::{self, LANGUAGES},
    policies,
    requirements::{Requirement, ensure},
    run::{cargo, output, run, step},
    suite::{self, Program},
    valkey,
    wasm_compiler::WasmCompiler,
};

/// Runs every check and every test; with `openssl`, every test against that OpenSSL, built from source.
pub fn test(workspace: &Workspace, openssl: Option<&str>) -> Result<()> {
    let Some(wanted) = openssl else {
        ensure(&[
            Requirement::OpensslHeaders,
            Requirement::OpensslProgram,
            Requirement::Python,
            Requirement::RedisServer,
            Requirement::Nginx,
            Requirement::Faketime,
            Requirement::Java,
            Requirement::NssTools,
        ])?;
        component("rustfmt", "fmt")?;
        component("clippy", "clippy")?;
        let unchecked = check(workspace)?;
        let system =
            output("pkg-config", &["--modversion", "openssl"]).unwrap_or_else(|| "found by its variables".into());
        languages(workspace, &LANGUAGES)?;
        let programs = run_tests(workspace, "target", &[], &format!("the system's OpenSSL, {system}"))?;
        let stores = programs.iter().find(|program| program.name == "stores");
        valkey::test(workspace, stores.context("the tests of the stores are gone")?)?;
        if let Some(unchecked) = unchecked {
            eprintln!("\n{unchecked}");
        }
        return Ok(());
    };
    let lock = fs::read_to_string(workspace.path("Cargo.lock")).context("Cargo.lock could not be read")?;
    let version = vendored(&lock, wanted)?;
    ensure(&[
        Requirement::PerlAndMake,
        Requirement::OpensslProgram,
        Requirement::Python,
        Requirement::RedisServer,
        Requirement::Nginx,
        Requirement::Faketime,
        Requirement::Java,
        Requirement::NssTools,
    ])?;
    // A directory of its own: OpenSSL goes into the server, and neither build is to throw the other's output away.
    let directory = format!("target/openssl-{wanted}");
    run_tests(
        workspace,
        &directory,
        &["--features", "reprise/vendored"],
        &format!("OpenSSL {version}, built from source"),
    )
    .map(drop)
}

/// All that needs no test to run: cheap things first. What could not be checked here.
fn check(workspace: &Workspace) -> Result<dependencies::Unchecked> {
    step("formatting");
    run(cargo(&workspace.root).args(["fmt", "--all", "--check"]))?;
    let unchecked = dependencies::check(workspace)?;
    step("lints");
    run(in_target(workspace, "target", "clippy").args(["--all-targets", "--", "--deny", "warnings"]))?;
    step("documentation");
    run(in_target(workspace, "target", "doc").arg("--no-deps").env("RUSTDOCFLAGS", "--deny warnings"))?;
    Ok(unchecked)
}

/// Gives the programs that ran.
fn run_tests(workspace: &Workspace, directory: &str, features: &[&str], openssl: &str) -> Result<Vec<Program>> {
    policies::build(workspace)?;
    // Tests play authors in every language.
    languages::install_toolchains(workspace)?;
    step("building the server");
    run(in_target(workspace, directory, "build").args(features).args(["--bin", "reprise"]))?;
    step("building the tests");
    let programs = suite::built(in_target(workspace, directory, "test").args(features).arg("--no-run"))?;
    step(&format!("tests, against {openssl}"));
    let compiler = WasmCompiler::ensure()?;
    let environment = |tests: &mut Command| {
        policies::tell(workspace, tests);
        compiler.tell_authors(tests);
        tests.env("REPRISE_BIN", workspace.path(directory).join("release/reprise"));
    };
    suite::run(&programs, &workspace.path(directory).join("tests"), environment)?;
    step("tests in the documentation");
    let mut documentation = in_target(workspace, directory, "test");
    environment(&mut documentation);
    run(documentation.args(features).arg("--doc"))?;
    Ok(programs)
}

/// The unit tests and vectors of policies in these languages, run by the server that they are for, or by `REPRISE_BIN`.
pub fn languages(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    if let Some(reprise) = std::env::var_os("REPRISE_BIN") {
        return languages::test(workspace, languages, Path::new(&reprise));
    }
    ensure(&[Requirement::OpensslHeaders])?;
    step("building the server");
    run(in_target(workspace, "target", "build").args(["--bin", "reprise"]))?;
    languages::test(workspace, languages, &workspace.path("target/release/reprise"))
}

/// One profile and the whole workspace everywhere, so that nothing is compiled twice.
fn in_target(workspace: &Workspace, directory: &str, command: &str) -> Command {
    let mut cargo = cargo(&workspace.root);
    cargo.args([command, "--release", "--workspace", "--target-dir"]).arg(workspace.path(directory));
    cargo
}

/// A part of the Rust toolchain that Cargo runs as a subcommand.
fn component(name: &str, subcommand: &str) -> Result<()> {
    if output("cargo", &[subcommand, "--version"]).is_some() {
        return Ok(());
    }
    step(&format!("adding {name} to the Rust toolchain"));
    run(Command::new("rustup").args(["component", "add", name])).with_context(|| {
        format!("the Rust toolchain has no {name}. Type this, then try again:\n  rustup component add {name}")
    })
}

/// The version of OpenSSL that Cargo.lock has the sources of, e.g. 3.5.4, if that is a `wanted` one, e.g. 3.5.
fn vendored(lock: &str, wanted: &str) -> Result<String> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains("\nname = \"openssl-src\"\n"));
    let version = entry.and_then(|entry| entry.split("\nversion = \"").nth(1)?.split('"').next()?.split('+').nth(1));
    match version {
        Some(version) if version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) => {
            Ok(version.to_owned())
        }
        Some(version) => bail!("Cargo.lock has the sources of OpenSSL {version}, not of {wanted}"),
        None => bail!("Cargo.lock has no sources of OpenSSL (the package openssl-src)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"openssl\"\nversion = \"0.10.0\"\n\n\
                        [[package]]\nname = \"openssl-src\"\nversion = \"300.5.4+3.5.4\"\n";

    #[test]
    fn the_openssl_asked_for_is_the_one_in_the_lock_file() {
        assert_eq!(vendored(LOCK, "3.5").unwrap(), "3.5.4");
        assert_eq!(vendored(LOCK, "3.5.4").unwrap(), "3.5.4");
    }

    #[test]
    fn another_openssl_is_refused_rather_than_run_under_its_name() {
        for wanted in ["3.6", "3.5.", "3.50", "3.5.40"] {
            let error = vendored(LOCK, wanted).unwrap_err().to_string();
            assert!(error.contains("3.5.4") && error.contains(wanted), "{error}");
        }
        assert!(vendored("version = 4\n", "3.5").is_err());
    }
}
