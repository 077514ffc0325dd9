//! From nothing to live: what an author types, and what it comes to.

mod beginning;
mod developing;
mod errors;
mod languages;
mod readme;

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use reprise_tests::built;
use tempfile::TempDir;

/// A folder for projects. It is gone when dropped.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where a file of this name is, or would be.
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Like [`Desk::path`], as an argument.
    fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("a temporary directory's path is UTF-8").to_owned()
    }

    /// `reprise`, to be run here.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built::server());
        in_author_environment(&mut command).args(arguments).current_dir(self.0.path());
        command
    }

    /// Runs `reprise` here; whether it did well, and what it said.
    fn reprise(&self, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("the program starts");
        (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }

    /// Runs `reprise` here, which has to do well.
    fn well(&self, arguments: &[&str]) -> String {
        let (well, said) = self.reprise(arguments);
        assert!(well, "reprise {}:\n{said}", arguments.join(" "));
        said
    }

    /// A new project `calm` in this language, and what its author would install.
    fn project(&self, language: &str) -> PathBuf {
        self.well(&["new", "calm", "--lang", language]);
        let project = self.path("calm");
        match language {
            "c" | "cpp" | "zig" => symlink(toolchains("zig"), project.join(".venv")).unwrap(),
            "python" => symlink(toolchains("componentize-py"), project.join(".venv")).unwrap(),
            "javascript" | "typescript" => install_node_packages(&project),
            _ => {}
        }
        project
    }
}

/// What `npm install` does, of what is here.
fn install_node_packages(project: &Path) {
    let (modules, there) = (project.join("node_modules"), toolchains("node/node_modules"));
    fs::create_dir_all(modules.join("@reprise")).unwrap();
    symlink("../../sdk", modules.join("@reprise/sdk")).unwrap();
    for entry in fs::read_dir(&there).unwrap_or_else(|error| panic!("{}: {error}", there.display())) {
        let entry = entry.unwrap();
        symlink(entry.path(), modules.join(entry.file_name())).unwrap();
    }
}

/// Without what Cargo tells a test and an author's Cargo would take for a wish. What is compiled
/// for one test of Rust serves the next, as the caches of zig do.
fn in_author_environment(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST")) {
            command.env_remove(name);
        }
    }
    // What `cargo xtask test` found that Cargo needs here to compile for Wasm.
    for (name, value) in env::vars_os() {
        if let Some(name) = name.to_str().and_then(|name| name.strip_prefix("REPRISE_AUTHOR_")) {
            command.env(name, value);
        }
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/authoring");
    // Where the machine's own is too old.
    if toolchains("go/bin").exists() {
        let path = env::var_os("PATH").unwrap_or_default();
        let programs = [toolchains("go/bin")].into_iter().chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(programs).expect("no path has a colon"));
    }
    for name in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
        command.env(name, toolchains("zig-cache"));
    }
    // What is compiled for one test serves the next.
    command.env("XDG_CACHE_HOME", target.join("cache"));
    command.env("CARGO_TARGET_DIR", target).env_remove("LD_LIBRARY_PATH").env_remove("RUST_LOG")
}

/// Where `cargo xtask languages` puts what it installs.
fn toolchains(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/languages").join(name)
}
