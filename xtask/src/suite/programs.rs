//! The programs with the tests, as Cargo names them when it has built them.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A program with tests in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The target's name.
    pub name: String,
    pub package: String,
    /// The package's folder, where tests expect to run.
    pub folder: PathBuf,
    pub path: PathBuf,
}

impl Program {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder);
        command
    }

    /// The package's name, and the target's where it is another one.
    pub fn full_name(&self) -> String {
        if self.name.replace('-', "_") == self.package.replace('-', "_") {
            return self.package.clone();
        }
        format!("{} {}", self.package, self.name)
    }

    /// What Cargo calls the file, which no two programs share.
    pub fn unique_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Builds with `cargo`, and gives what has tests in it.
///
/// # Errors
/// Something does not compile, which Cargo has shown, or Cargo says what is not understood.
pub fn built(cargo: &mut Command) -> Result<Vec<Program>> {
    cargo.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let output = cargo.spawn().and_then(std::process::Child::wait_with_output).context("Cargo could not be started")?;
    if !output.status.success() {
        bail!("the tests could not be built ({})", output.status);
    }
    let messages = String::from_utf8(output.stdout).context("Cargo's messages are no text")?;
    listed(&messages)
}

fn listed(messages: &str) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).with_context(|| format!("Cargo said: {line}"))?;
        let Message { reason, target: Some(target), profile: Some(profile), manifest_path, executable, .. } = message
        else {
            continue;
        };
        // Cargo builds benchmarks as it does tests.
        let tests = profile.test && !target.kind.iter().any(|kind| kind == "bench");
        let (true, true, Some(path), Some(manifest)) =
            (reason == "compiler-artifact", tests, executable, manifest_path)
        else {
            continue;
        };
        let folder = manifest.parent().map(PathBuf::from).unwrap_or_default();
        let package = message.package_id.as_deref().map(package_name).unwrap_or_default();
        programs.push(Program { name: target.name, package, folder, path });
    }
    Ok(programs)
}

/// The name in a package id (Cargo's "Package ID Specifications"):
/// `path+file:///…/host#reprise@0.1.0`, and without a name where the folder has the same one:
/// `path+file:///…/xtask#0.1.0`.
fn package_name(id: &str) -> String {
    let (url, fragment) = id.split_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name.into(),
        None => url.rsplit('/').next().unwrap_or(url).into(),
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_tests_are_found_among_cargos_messages() {
        let messages = r#"   Compiling nothing
{"reason":"compiler-artifact","package_id":"path+file:///a/host#reprise@0.1.0","manifest_path":"/a/host/Cargo.toml","target":{"kind":["test"],"name":"fork"},"profile":{"test":true},"executable":"/a/target/fork-1"}
{"reason":"compiler-artifact","package_id":"path+file:///a/host#reprise@0.1.0","manifest_path":"/a/host/Cargo.toml","target":{"kind":["bin"],"name":"reprise"},"profile":{"test":false},"executable":"/a/target/reprise"}
{"reason":"compiler-artifact","package_id":"path+file:///a/xtask#0.1.0","manifest_path":"/a/xtask/Cargo.toml","target":{"kind":["bin"],"name":"xtask"},"profile":{"test":true},"executable":"/a/target/xtask-1"}
{"reason":"compiler-artifact","package_id":"path+file:///a/host#reprise@0.1.0","manifest_path":"/a/host/Cargo.toml","target":{"kind":["bench"],"name":"stores"},"profile":{"test":true},"executable":"/a/target/stores-1"}
{"reason":"compiler-artifact","package_id":"path+file:///a/host#reprise@0.1.0","manifest_path":"/a/host/Cargo.toml","target":{"kind":["lib"],"name":"reprise"},"profile":{"test":true},"executable":null}
{"reason":"build-finished","success":true}"#;
        let programs = listed(messages).unwrap();
        let names = programs.iter().map(Program::full_name).collect::<Vec<_>>();
        assert_eq!(names, ["reprise fork", "xtask"]);
        assert_eq!(programs[0].folder, PathBuf::from("/a/host"));
        assert_eq!(programs[0].unique_name(), "fork-1");
    }

    #[test]
    fn what_cargo_says_and_nobody_understands_is_shown() {
        assert!(listed("{\"reason\":7}").unwrap_err().to_string().contains("{\"reason\":7}"));
    }
}
