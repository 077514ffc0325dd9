//! The programs that build policies: where they are, and what to type where they are not.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

/// What Rust is compiled to: policies need no WASI.
pub(crate) const RUST_TARGET: &str = "wasm32-unknown-unknown";

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

/// Zig, which is a C and C++ compiler with a libc for Wasm, as the words that start it: the Python package `ziglang` in the project's
/// `.venv`, else its own program, else the package where it is installed for all.
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
    missing("zig", "python3 -m venv .venv && .venv/bin/pip install ziglang")
}

/// The Go compiler.
///
/// # Errors
/// It is not here.
pub(crate) fn go() -> Result<Command> {
    if output("go", &["version"]).is_none() {
        return missing("Go", "apt-get install -y golang    # or https://go.dev/dl");
    }
    Ok(Command::new("go"))
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
        return missing("componentize-qjs, in node_modules,", "npm install");
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
    missing("componentize-py", "python3 -m venv .venv && .venv/bin/pip install componentize-py")
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
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
