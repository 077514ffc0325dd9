//! `cargo xtask package`: a Debian package with the program, the module for servers that nobody
//! rebuilt, and the agent's unit.
//!
//! What it is made of stands in packaging/: what dpkg runs and installs in packaging/debian, the
//! unit in packaging/systemd.
//!
//! # Layout
//!
//! - `about`: what dpkg is told
//! - `elf`: what programs ask of a system, and what the module may
//! - `manual`: the manual pages
//! - `tree`: the files

mod about;
mod elf;
mod manual;
mod tree;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use self::{
    about::About,
    elf::{Elf, check_module},
    tree::Tree,
};
use crate::{
    Workspace,
    requirements::{Requirement, ensure as ensure_all},
    run::{cargo, run, step},
};

/// What packages are made with.
pub const REQUIREMENTS: [Requirement; 2] = [Requirement::Dpkg, Requirement::Binutils];

/// The program and the module, as Cargo names them.
const PROGRAM: &str = "reprise";
const MODULE: &str = "libreprise_module.so";

/// Where the package has them. `reprise module conf` knows the module's place.
const PROGRAM_PATH: &str = "/usr/bin/reprise";
const MODULE_PATH: &str = "/usr/lib/reprise/module.so";

/// What is built, or where it is.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// Built with this profile.
    Profile(String),
    /// Built already: files, or folders that have them.
    Built(Vec<PathBuf>),
}

/// Makes the package in target/package, and tells what it asks of a system.
///
/// # Errors
/// It cannot be built, or the module is none for every server.
pub fn package(workspace: &Workspace, source: &Source) -> Result<PathBuf> {
    compressed(workspace, source, &[])
}

/// The same of what is built in `folder`, to be tried and not to be kept: compressed in a moment.
///
/// # Errors
/// Those of [`package`].
pub fn to_be_tried(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    compressed(workspace, &Source::Built(vec![folder.to_owned()]), &["-Zgzip", "-z1"])
}

fn compressed(workspace: &Workspace, source: &Source, compression: &[&str]) -> Result<PathBuf> {
    ensure_all(&REQUIREMENTS)?;
    let (program, module) = match source {
        Source::Profile(profile) => build(workspace, profile)?,
        Source::Built(paths) => (found(paths, PROGRAM)?, found(paths, MODULE)?),
    };
    step("the package");
    let mut tree = Tree::emptied(workspace.path("target/package/tree"))?;
    tree.stripped(PROGRAM_PATH, &program, 0o755)?;
    tree.stripped(MODULE_PATH, &module, 0o644)?;
    let elves = [PROGRAM_PATH, MODULE_PATH].map(|path| Elf::read(&tree.path(path)));
    let [program, module] = elves;
    let (program, module) = (program?, module?);
    check_module(&module, fs::metadata(tree.path(MODULE_PATH))?.len())?;
    let files = |file: &str| workspace.path(&format!("packaging/{file}"));
    for (path, from) in [
        ("/usr/lib/systemd/system/reprise-agent.service", "systemd/reprise-agent.service"),
        ("/etc/reprise/agent.toml", "debian/agent.toml"),
        ("/etc/reprise/policies/README", "debian/policies.README"),
    ] {
        tree.write(path, fs::read(files(from)).with_context(|| format!("packaging/{from}"))?, 0o644)?;
    }
    let about = About::of(workspace)?;
    let copyright = fs::read_to_string(files("debian/copyright"))?;
    let licence = fs::read_to_string(workspace.path("LICENSE-MIT"))?;
    tree.write("/usr/share/doc/reprise/copyright", copyright.replace("@LICENSE-MIT@", &paragraphs(&licence)), 0o644)?;
    tree.compressed("/usr/share/doc/reprise/changelog.gz", &about.changelog())?;
    let packaged = tree.path(PROGRAM_PATH);
    manual::write(&mut tree, &packaged, &workspace.path("target/package/manual"))?;
    for script in ["postinst", "prerm", "postrm"] {
        tree.control(script, fs::read(files(&format!("debian/{script}")))?, 0o755)?;
    }
    tree.control("conffiles", tree.configuration(), 0o644)?;
    tree.control("md5sums", tree.sums()?, 0o644)?;
    tree.control("control", about.control(&program, &module, tree.size()?), 0o644)?;
    let package = workspace.path("target/package").join(about.file());
    // Files get no later time than this, so that the same sources make the same package.
    let mut dpkg = Command::new("dpkg-deb");
    run(dpkg
        .env("SOURCE_DATE_EPOCH", &about.time)
        .args(compression)
        .args(["--root-owner-group", "--build"])
        .arg(tree.root())
        .arg(&package))?;
    for (path, elf) in [(PROGRAM_PATH, &program), (MODULE_PATH, &module)] {
        let size = fs::metadata(tree.path(path))?.len();
        let (glibc, openssl) = (elf.highest("GLIBC"), elf.highest("OPENSSL"));
        eprintln!("   {path}  {size} bytes, needs GLIBC_{glibc} and OPENSSL_{openssl}");
    }
    eprintln!("   {}  {} bytes", package.display(), fs::metadata(&package)?.len());
    Ok(package)
}

/// The program and the module, built with a profile.
fn build(workspace: &Workspace, profile: &str) -> Result<(PathBuf, PathBuf)> {
    ensure_all(&[Requirement::OpensslHeaders])?;
    step(&format!(
        "building with the profile `{profile}`{}",
        if profile == "dist" { ", some ten minutes" } else { "" }
    ));
    let mut cargo = cargo(&workspace.root);
    cargo.args(["build", "--profile", profile, "--locked", "--target-dir"]).arg(workspace.path("target"));
    if profile == "release" {
        // As everything else is built, so that nothing is compiled twice.
        cargo.args(["--workspace", "--bin", "reprise", "--lib"]);
    } else {
        cargo.args(["--package", "reprise-server", "--package", "reprise-module", "--bin", "reprise", "--lib"]);
    }
    run(&mut cargo)?;
    let folder = workspace.path("target").join(profile);
    Ok((folder.join(PROGRAM), folder.join(MODULE)))
}

/// The file of this name that is one of `paths`, or in one of them.
fn found(paths: &[PathBuf], name: &str) -> Result<PathBuf> {
    let file = |path: &PathBuf| if path.is_dir() { path.join(name) } else { path.clone() };
    let mut files = paths.iter().map(file).filter(|file| file.file_name().is_some_and(|found| found == name));
    match files.find(|file| file.is_file()) {
        Some(file) => Ok(file),
        None => bail!("no `{name}` is given: name it, or the folder that has it, behind --built"),
    }
}

/// A text as a field of several paragraphs.
fn paragraphs(text: &str) -> String {
    let line = |line: &str| if line.trim().is_empty() { " .".to_owned() } else { format!(" {line}") };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_found_by_name_or_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(PROGRAM);
        fs::write(&program, "").unwrap();
        assert_eq!(found(&[folder.path().into()], PROGRAM).unwrap(), program);
        assert_eq!(found(&["x.so".into(), program.clone()], PROGRAM).unwrap(), program);
        let error = found(&[folder.path().into()], MODULE).unwrap_err().to_string();
        assert!(error.contains(MODULE), "{error}");
    }

    #[test]
    fn a_licence_is_a_field_of_the_copyright_file() {
        assert_eq!(paragraphs("MIT\n\nas is\n"), " MIT\n .\n as is");
    }
}
