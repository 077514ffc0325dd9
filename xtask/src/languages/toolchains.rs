//! What compiles the policies: pinned, and installed under target/languages, where it touches nothing of the user's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::Language;
use crate::{
    Workspace,
    requirements::{self, Requirement},
    run::{run, step},
};

/// Programs from PyPI, each with the file that pins it under xtask/languages.
const ZIG: &str = "zig";
const COMPONENTIZE_PY: &str = "componentize-py";

/// Where toolchains and what they make lie.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    under(&workspace.root)
}

fn under(root: &Path) -> PathBuf {
    root.join("target/languages")
}

/// Makes sure that a language's toolchain is there.
pub(super) fn ensure(workspace: &Workspace, language: Language) -> Result<()> {
    match language {
        Language::C | Language::Cpp | Language::Zig => from_pypi(workspace, ZIG),
        Language::Python => from_pypi(workspace, COMPONENTIZE_PY),
        Language::Go => requirements::ensure(&[Requirement::Go]),
        Language::JavaScript | Language::TypeScript => from_npm(workspace),
        Language::Wat => Ok(()),
    }
}

/// zig, with its caches under target.
pub(super) fn zig(root: &Path, arguments: &[&str]) -> Command {
    let mut zig = Command::new(under(root).join(ZIG).join("ziglang/zig"));
    zig.env("ZIG_GLOBAL_CACHE_DIR", under(root).join("zig-cache"));
    zig.env("ZIG_LOCAL_CACHE_DIR", under(root).join("zig-cache"));
    zig.args(arguments);
    zig
}

/// componentize-py.
pub(super) fn componentize_py(root: &Path) -> Command {
    let place = under(root).join(COMPONENTIZE_PY);
    let mut componentize = Command::new("python3");
    componentize.env("PYTHONPATH", &place).arg(place.join("bin/componentize-py"));
    componentize
}

/// A program that npm installed, run by node.
pub(super) fn node_modules(root: &Path) -> PathBuf {
    under(root).join("node/node_modules")
}

/// Installs a program from PyPI, ready-made and pinned by hash, unless the same one is there.
fn from_pypi(workspace: &Workspace, name: &str) -> Result<()> {
    let pins = workspace.path(&format!("xtask/languages/{name}.txt"));
    installed(&folder(workspace).join(name), &[&pins], |place| {
        requirements::ensure(&[Requirement::Pip])?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary", ":all:", "--require-hashes", "--target"])
            .arg(place)
            .arg("-r")
            .arg(&pins);
        run(&mut pip)
    })
    .with_context(|| {
        format!("{name} could not be installed. Type this to see why:\n  python3 -m pip install -r {}", pins.display())
    })
}

/// Installs what npm's lock file names, unless the same is there.
fn from_npm(workspace: &Workspace) -> Result<()> {
    let (package, lock) =
        (workspace.path("xtask/languages/package.json"), workspace.path("xtask/languages/package-lock.json"));
    installed(&folder(workspace).join("node"), &[&package, &lock], |place| {
        requirements::ensure(&[Requirement::Node])?;
        for file in [&package, &lock] {
            fs::copy(file, place.join(file.file_name().unwrap_or_default()))?;
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(place))
    })
    .with_context(|| {
        format!(
            "the JavaScript toolchain could not be installed. Type this to see why:\n  npm ci --prefix {}",
            folder(workspace).join("node").display()
        )
    })
}

/// Has `install` fill a folder, unless that was done with the same pins; a half-filled one is done again.
fn installed(place: &Path, pins: &[&PathBuf], install: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let pins = pins.iter().map(fs::read_to_string).collect::<Result<String, _>>()?;
    let mark = place.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|there| there == pins) {
        return Ok(());
    }
    step(&format!("installing {} under target/languages", place.file_name().unwrap_or_default().to_string_lossy()));
    let place = super::emptied(place.to_owned())?;
    install(&place)?;
    Ok(fs::write(mark, pins)?)
}
