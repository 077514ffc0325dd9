//! `cargo xtask test`: what CI runs.
//!
//! The tests are told two things by the environment: `REPRISE_POLICIES`, where the policies that ship have been built
//! (NAME.wasm), and `REPRISE_BIN`, the server to test. Both are absolute paths. Where a system lets nobody mount a file system, two tests
//! fail and say so, and so do those in other systems (`debian`); `REPRISE_WITHOUT_MOUNTS=1`, set by whoever runs them, leaves them out.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context, Result, bail};
use reprise_authoring::Language;

use crate::{
    Workspace, checking_compiler, debian, dependencies,
    languages::{self, LANGUAGES},
    package,
    phases::Phases,
    policies,
    requirements::{Missing, Requirement, ensure, missing},
    run::{cargo, output, run, step},
    suite::{self, Job, Program},
    valkey,
    wasm_compiler::WasmCompiler,
};

/// Runs every check and every test; with `openssl`, every test against that OpenSSL, built from source.
pub fn test(workspace: &Workspace, openssl: Option<&str>) -> Result<()> {
    let Some(wanted) = openssl else { return test_all(workspace) };
    let lock = fs::read_to_string(workspace.path("Cargo.lock")).context("Cargo.lock could not be read")?;
    let version = vendored(&lock, wanted)?;
    ensure(&[Requirement::PerlAndMake])?;
    ensure(&CLIENTS_AND_SERVERS)?;
    policies::build(workspace)?;
    // Tests play authors in every language.
    languages::install_toolchains(workspace)?;
    // A directory of its own: OpenSSL goes into the server, and neither build is to throw the other's output away.
    let directory = format!("target/openssl-{wanted}");
    let features = &["--features", "reprise/vendored"];
    let build = Build { workspace, directory: &directory, features, checks: None };
    let mut phases = Phases::default();
    let programs = build.all(&mut phases)?;
    step(&format!("tests, against OpenSSL {version}, built from source"));
    let mut jobs = build.jobs(&programs)?;
    jobs.push(build.documentation()?);
    suite::run(jobs, &build.logs())?;
    eprintln!("{phases}");
    Ok(())
}

/// What the tests start.
const CLIENTS_AND_SERVERS: [Requirement; 13] = [
    Requirement::OpensslProgram,
    Requirement::Python,
    Requirement::RedisServer,
    Requirement::Nginx,
    Requirement::Haproxy,
    Requirement::Httpd,
    Requirement::Stunnel,
    Requirement::Postgres,
    Requirement::Faketime,
    Requirement::Java,
    Requirement::NssTools,
    Requirement::Promtool,
    Requirement::Chromium,
];

fn test_all(workspace: &Workspace) -> Result<()> {
    let xtask = env::current_exe().context("the system does not say where this program is")?;
    let mut phases = Phases::default();
    let build = Build { workspace, directory: "target", features: &[], checks: Some(&xtask) };
    let (unchecked, others) = phases.time("requirements, formatting and dependencies", || {
        ensure(&[Requirement::OpensslHeaders])?;
        let others = [&CLIENTS_AND_SERVERS[..], &package::REQUIREMENTS, &debian::REQUIREMENTS].concat();
        let others = missing(&others)?;
        component("rustfmt", "fmt")?;
        component("clippy", "clippy")?;
        step("formatting");
        run(cargo(&workspace.root).args(["fmt", "--all", "--check"]))?;
        Ok((dependencies::check(workspace)?, others))
    })?;
    // What fetches and waits, beside what compiles.
    let programs = thread::scope(|scope| {
        let beside = scope.spawn(|| beside(&build, &xtask, others));
        let programs = build.all(&mut phases);
        beside.join().unwrap_or_else(|_| bail!("a thread panicked")).and(programs)
    })?;
    let system = output("pkg-config", &["--modversion", "openssl"]).unwrap_or_else(|| "found by its variables".into());
    step(&format!("tests, against the system's OpenSSL, {system}"));
    phases.time("tests", || suite::run(all_jobs(&build, &programs, &xtask)?, &build.logs()))?;
    eprintln!("{phases}");
    if let Some(unchecked) = unchecked {
        eprintln!("\n{unchecked}");
    }
    Ok(())
}

/// What fetches and waits: what the tests start, and then the policies in every language and the systems that tests run in.
fn beside(build: &Build<'_>, xtask: &Path, others: Missing) -> Result<()> {
    others.install()?;
    let job = |name: &str, argument: &str| {
        let mut command = Command::new(xtask);
        command.arg(argument);
        suite::run_beside(Job::new(name, command), &build.logs())
    };
    thread::scope(|scope| {
        let policies = scope.spawn(|| job("policies in every language", "languages"));
        let systems = match debian::is_left_out() {
            true => Ok(()),
            false => job("systems to run tests in", "debian"),
        };
        policies.join().unwrap_or_else(|_| bail!("a thread panicked")).and(systems)
    })
}

/// The programs with the tests; what holds policies in every language against their vectors; and what else takes a while.
fn all_jobs(build: &Build<'_>, programs: &[Program], xtask: &Path) -> Result<Vec<Job>> {
    let mut jobs = build.jobs(programs)?;
    let stores =
        programs.iter().find(|program| program.name == "stores").context("the tests of the stores are gone")?;
    let mut others = valkey::job(build.workspace, stores)?.into_iter().collect::<Vec<_>>();
    others.extend(elsewhere(build, programs, xtask)?);
    others.extend(LANGUAGES.map(|language| {
        let mut command = Command::new(xtask);
        command.args(["languages", language.as_str(), "--test"]).env("REPRISE_BIN", build.server());
        Job::new(&format!("policies in {language}"), command).patient()
    }));
    others.push(build.documentation()?);
    // Behind those that take longest.
    let place = jobs.iter().position(|job| job.name() == stores.full_name()).map_or(0, |place| place + 1);
    jobs.splice(place..place, others);
    Ok(jobs)
}

/// The package, and the module with other servers and another OpenSSL.
fn elsewhere(build: &Build<'_>, programs: &[Program], xtask: &Path) -> Result<Vec<Job>> {
    let mut package = Command::new(xtask);
    package.args(["debian", "--test"]);
    let mut jobs = vec![Job::new("the package", package).patient()];
    let trixie = debian::TRIXIE;
    if debian::is_left_out() {
        eprintln!("\nnot tested, for nothing may be mounted: the module in {trixie}");
        return Ok(jobs);
    }
    let module = programs.iter().find(|program| program.name == "module");
    let module = module.context("the tests of the module are gone")?.clone();
    let enter = |job: Job| job.elsewhere(&trixie.to_string(), |command| trixie.running(build.workspace, command));
    jobs.extend(build.jobs(&[module])?.into_iter().map(enter));
    Ok(jobs)
}

/// How the workspace is built, and where to.
struct Build<'a> {
    workspace: &'a Workspace,
    directory: &'a str,
    features: &'a [&'a str],
    /// This program, where lints and documentation are checked of what is built with the tests.
    checks: Option<&'a Path>,
}

impl Build<'_> {
    /// Builds the server, and then the programs with the tests.
    fn all(&self, phases: &mut Phases) -> Result<Vec<Program>> {
        phases.time("building the server", || {
            run(in_target(self.workspace, self.directory, "build")
                .args(self.features)
                .args(["--bin", "reprise", "--lib"]))?;
            // The tests' build makes ones of its own there.
            fs::create_dir_all(self.logs())?;
            [("reprise", self.server()), ("libreprise_module.so", self.module())].iter().try_for_each(|(name, kept)| {
                let built = self.folder().join("release").join(name);
                if kept.exists() {
                    fs::remove_file(kept)?;
                }
                fs::hard_link(&built, kept).with_context(|| format!("{} could not be linked", built.display()))
            })
        })?;
        let name =
            if self.checks.is_some() { "lints, documentation, building the tests" } else { "building the tests" };
        // Not `cargo test --no-run`: it leaves out benchmarks, and programs where no test starts them.
        phases.time(name, || suite::built(self.with_tests("build")?.arg("--all-targets")))
    }

    /// Cargo, with the sources as `xtask/tests.toml` has them compiled.
    fn with_tests(&self, command: &str) -> Result<Command> {
        let mut cargo = in_target(self.workspace, self.directory, command);
        cargo.arg("--config").arg(self.workspace.path("xtask/tests.toml")).args(self.features);
        if let Some(xtask) = self.checks {
            checking_compiler::use_for(&mut cargo, xtask, &self.logs())?;
        }
        Ok(cargo)
    }

    fn folder(&self) -> PathBuf {
        self.workspace.path(self.directory)
    }

    fn logs(&self) -> PathBuf {
        self.folder().join("tests")
    }

    /// The server that is tested from outside.
    fn server(&self) -> PathBuf {
        self.logs().join("reprise")
    }

    /// The OpenSSL module that servers are given.
    fn module(&self) -> PathBuf {
        self.logs().join("libreprise_module.so")
    }

    fn environment(&self) -> Result<impl Fn(&mut Command)> {
        let compiler = WasmCompiler::ensure()?;
        Ok(move |tests: &mut Command| {
            policies::tell(self.workspace, tests);
            compiler.tell_authors(tests);
            tests.env("REPRISE_BIN", self.server()).env("REPRISE_MODULE", self.module());
        })
    }

    fn jobs(&self, programs: &[Program]) -> Result<Vec<Job>> {
        Ok(Job::of_programs(programs, self.environment()?))
    }

    fn documentation(&self) -> Result<Job> {
        let mut tests = self.with_tests("test")?;
        self.environment()?(tests.arg("--doc"));
        Ok(Job::new("tests in the documentation", tests).patient())
    }
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

    #[test]
    fn tests_are_compiled_the_same_way_in_every_crate() {
        let workspace = Workspace::of_this_crate();
        let mut metadata = cargo(&workspace.root);
        let output = metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output().unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let settings = fs::read_to_string(workspace.path("xtask/tests.toml")).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        assert!(packages.len() > 10);
        for package in packages.iter().map(|package| package["name"].as_str().unwrap()) {
            let table = format!(
                "\n[profile.release.package.{package}]\nopt-level = 0\ndebug-assertions = true\noverflow-checks = true\n"
            );
            assert!(settings.contains(&table), "xtask/tests.toml says nothing of {package}");
        }
    }
}
