//! The programs and policies under test. They are built by others; what is missing is named with
//! the command that makes it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The `reprise` program: `REPRISE_BIN`, else the one that Cargo put where it put this test.
pub fn server() -> PathBuf {
    let path = env::var_os("REPRISE_BIN").map_or_else(|| profile().join("reprise"), PathBuf::from);
    existing(path, "cargo build --release -p reprise")
}

/// The OpenSSL module: `REPRISE_MODULE`, else the one that Cargo put where it put this test.
pub fn module() -> PathBuf {
    let path = env::var_os("REPRISE_MODULE").map_or_else(|| profile().join("libreprise_module.so"), PathBuf::from);
    existing(path, "cargo build --release -p reprise-module")
}

/// An example of the library's, as a program.
pub fn example(name: &str) -> PathBuf {
    existing(profile().join("examples").join(name), "cargo build --release -p reprise --examples")
}

/// Where policies are built to: target/policies, unless `REPRISE_POLICIES` names another directory.
pub fn policies() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies");
    env::var_os("REPRISE_POLICIES").map_or(workspace, PathBuf::from)
}

/// A policy that ships, as `cargo xtask plugins` makes it.
pub fn policy(name: &str) -> Vec<u8> {
    let file = existing(policies().join(format!("{name}.wasm")), "cargo xtask plugins");
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The `go` program: the one that `cargo xtask languages` installs where the machine's own is too old, else that.
pub fn go() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/languages/go/bin/go");
    if installed.exists() { installed } else { "go".into() }
}

/// The rules of accessibility that a page is held against (axe-core), as a script.
pub fn axe() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/languages/node/node_modules/axe-core");
    existing(installed.join("axe.min.js"), "cargo xtask languages javascript")
}

/// target/release, or what stands for it: a test lies in its `deps`.
fn profile() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    test.ancestors().nth(2).expect("a test lies in a directory's `deps`").to_owned()
}

fn existing(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.exists(), "{} is not there. Make it, then try again:\n  {command}", path.display());
    path
}
