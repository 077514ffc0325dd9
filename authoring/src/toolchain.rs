//! The programs that build policies: where they are, and what to type where they are not.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{Language, Project};

/// What Rust is compiled to: policies need no WASI.
pub(crate) const RUST_TARGET: &str = "wasm32-unknown-unknown";

/// What installs a toolchain in a project's folder, at the version that the SDKs are tested with.
const ZIG: &str = "python3 -m venv .venv && .venv/bin/pip install ziglang==0.17.1";
const COMPONENTIZE_PY: &str = "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1";
const GO: &str = "see https://go.dev/dl; Debian 13 and later: apt-get install -y golang";
const NODE_PACKAGES: &str = "npm install";

impl Language {
    /// What to type in a new project before it builds, if it is built with more than what is installed for all.
    pub fn packages(self) -> Option<&'static str> {
        match self {
            Language::C | Language::Cpp | Language::Zig => Some(ZIG),
            Language::JavaScript | Language::TypeScript => Some(NODE_PACKAGES),
            Language::Python => Some(COMPONENTIZE_PY),
            Language::Rust | Language::Go | Language::Wat => None,
        }
    }
}

/// Cargo, where there is a compiler for [`RUST_TARGET`].
///
/// # Errors
/// There is none.
pub(crate) fn cargo() -> Result<Command> {
    let Some(libraries) = output("rustc", &["--print", "target-libdir", "--target", RUST_TARGET]) else {
        return missing("Rust", "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh");
    };
    // Whoever has Cargo build the standard library too needs no ready-made one.
    let builds_std = env::var_os("CARGO_UNSTABLE_BUILD_STD").is_some();
    if !builds_std && !Path::new(&libraries).is_dir() {
        let rustup = output("rustup", &["--version"]).is_some();
        let debian = "apt-get install -y libstd-rust-dev-wasm32";
        let command = if rustup { "rustup target add wasm32-unknown-unknown" } else { debian };
        return missing(&format!("the Rust target {RUST_TARGET}"), command);
    }
    let mut cargo = Command::new("cargo");
    // These are meant for this machine, not for Wasm.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(cargo)
}

/// Zig, which is a C and C++ compiler with a libc for Wasm, as the words that start it: the Python
/// package `ziglang` in the project's `.venv`, else its own program, else the package where it is
/// installed for all.
///
/// # Errors
/// There is none.
pub(crate) fn zig(dir: &Path) -> Result<Vec<String>> {
    let python = venv(dir, "python").to_string_lossy().into_owned();
    for words in [vec![&*python, "-m", "ziglang"], vec!["zig"], vec!["python3", "-m", "ziglang"]] {
        if output(words[0], &[&words[1..], &["version"]].concat()).is_some() {
            return Ok(words.into_iter().map(str::to_owned).collect());
        }
    }
    missing("zig", ZIG)
}

/// The Go compiler.
///
/// # Errors
/// It is not here, or too old to compile for WASI.
pub(crate) fn go(project: &Project) -> Result<Command> {
    let mut go = Command::new("go");
    go.envs(project.environment());
    // A Go since 1.21 gets the version that the SDK wants by itself.
    match output_of(go.args(["env", "GOVERSION"])) {
        Some(version) if go_minor(&version).is_none_or(|minor| minor >= 21) => Ok(Command::new("go")),
        Some(version) => missing(&format!("Go 1.21 or later (there is {version})"), GO),
        None => missing("Go 1.21 or later", GO),
    }
}

/// Of `go1.26.8`, 26.
fn go_minor(version: &str) -> Option<u32> {
    version.strip_prefix("go1.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Node, where the project's packages are installed.
///
/// # Errors
/// It is not here, or they are not.
pub(crate) fn node(dir: &Path) -> Result<String> {
    if output("node", &["--version"]).is_none() {
        return missing("Node.js", "apt-get install -y nodejs npm    # or https://nodejs.org");
    }
    if !dir.join("node_modules/componentize-qjs").exists() {
        return missing("componentize-qjs, in node_modules,", NODE_PACKAGES);
    }
    Ok("node".into())
}

/// componentize-py: of the project's `.venv`, or one that is installed.
///
/// # Errors
/// There is none.
pub(crate) fn componentize_py(dir: &Path) -> Result<String> {
    let own = venv(dir, "componentize-py").to_string_lossy().into_owned();
    for program in [own, "componentize-py".to_owned()] {
        if output(&program, &["--version"]).is_some() {
            return Ok(program);
        }
    }
    missing("componentize-py", COMPONENTIZE_PY)
}

/// A program in the project's own Python environment, by its absolute path: commands run in another folder.
fn venv(dir: &Path, program: &str) -> PathBuf {
    let path = dir.join(".venv/bin").join(program);
    std::path::absolute(&path).unwrap_or(path)
}

fn missing<T>(what: &str, command: &str) -> Result<T> {
    bail!("{what} is not here, which this policy is built with. Type this, then try again:\n  {command}")
}

/// What a program prints, without its last line break; `None` if it is not there or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    output_of(Command::new(program).args(arguments))
}

fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authors_are_told_to_install_is_what_the_sdks_are_tested_with() {
        let pins = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/languages");
        for (file, command) in [("zig.txt", ZIG), ("componentize-py.txt", COMPONENTIZE_PY)] {
            let pinned = std::fs::read_to_string(Path::new(pins).join(file)).unwrap();
            let wanted = command.rsplit(' ').next().unwrap();
            assert!(pinned.lines().any(|line| line.trim_end_matches([' ', '\\']) == wanted), "{wanted} in {file}");
        }
    }

    #[test]
    fn a_version_of_go_is_read() {
        assert_eq!(go_minor("go1.26.8"), Some(26));
        assert_eq!(go_minor("go1.21rc2"), Some(21));
        assert_eq!(go_minor("devel go1.25-abc"), None);
    }
}
