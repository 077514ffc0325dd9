//! The package, tried: in each Debian it is installed, used, installed again, removed and purged.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{ALL, REQUIREMENTS, agent, is_left_out, make, server, shown, this_system};
use crate::{
    Workspace, package, policies,
    requirements::ensure as ensure_all,
    run::{output, run, step},
};

/// What a package's coming and going may leave: what dpkg, adduser and systemd write down, where
/// things are mounted.
const NOT_OURS: [&str; 12] = [
    "/dev",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    "/proc",
    "/run/adduser",
    "/run/systemd",
    "/tmp",
    "/var/cache",
    "/var/lib/dpkg",
    "/var/log",
];

/// Where the agent has its state.
const STATE: &str = "/var/lib/reprise";
/// Its options.
const CONFIGURATION: &str = "/etc/reprise/agent.toml";

/// Makes the package of what the tests have built, and tries it.
///
/// # Errors
/// It is not as it should be.
pub fn test(workspace: &Workspace) -> Result<()> {
    ensure_all(&REQUIREMENTS)?;
    let package = package::to_be_tried(workspace, &workspace.path("target/tests"))?;
    step("lintian");
    run(Command::new("lintian").args(["--fail-on=error", "--allow-root"]).arg(&package))?;
    if is_left_out() {
        eprintln!("\nnot tested, for nothing may be mounted: the package in any system");
        return Ok(());
    }
    make(workspace)?;
    if !policy(workspace).exists() {
        policies::build(workspace)?;
    }
    let xtask = env::current_exe().context("the system does not say where this program is")?;
    ALL.iter().try_for_each(|debian| {
        step(&format!("the package in {debian}"));
        run(&mut debian.running(workspace, Command::new(&xtask).args(["debian", "--inside"]).arg(&package)))
    })
}

/// Tries it in the system that this process runs in, which has nothing of it.
///
/// # Errors
/// It is not as it should be.
pub fn inside(workspace: &Workspace, package: &Path) -> Result<()> {
    let package = shown(package)?;
    let system = this_system()?;
    let before = paths(workspace)?;
    ensure!(!before.contains(Path::new("/usr/bin/reprise")), "it is installed here already");

    dpkg("--install", package)?;
    verify()?;
    let enabled = Path::new("/etc/systemd/system/multi-user.target.wants/reprise-agent.service");
    ensure!(enabled.is_symlink(), "the unit is not enabled");
    for (path, expected) in [(STATE, "reprise:reprise 700"), (CONFIGURATION, "root:reprise 640")] {
        let found = output("stat", &["--format=%U:%G %a", path]).unwrap_or_default();
        ensure!(found == expected, "{path} has the owner and mode {found}: expected {expected}");
    }
    agent::serves(|_| Ok(()))?;
    eprintln!("   Debian {system}: the agent serves");

    let keyring = format!("{STATE}/keyring");
    let mine = format!("policies = \"/etc/reprise/policies\"\nkeyring = \"{keyring}\"\n");
    fs::write(CONFIGURATION, &mine)?;
    server::make_keyring(&keyring, "reprise")?;
    fs::copy(policy(workspace), "/etc/reprise/policies/smallest.wasm")?;
    dpkg("--install", package)?;
    ensure!(fs::read_to_string(CONFIGURATION)? == mine, "{CONFIGURATION} is not what the administrator made of it");
    agent::serves(|status| {
        ensure!(status.contains("smallest"), "the policy is not live:\n{status}");
        if !server::is_there() {
            return Ok(());
        }
        server::resumes(&keyring, "reprise")?;
        server::is_enabled()?;
        eprintln!("   Debian {system}: nginx asks it, and resumes");
        Ok(())
    })?;

    // Where a server loads the module, it must not after this.
    dpkg("--remove", "reprise")?;
    ensure!(!Path::new(server::ENABLED).exists(), "{} is there after the package was removed", server::ENABLED);
    for gone in ["/usr/bin/reprise", "/usr/lib/reprise", "/usr/lib/systemd/system/reprise-agent.service"] {
        ensure!(!Path::new(gone).exists(), "{gone} is there after the package was removed");
    }
    ensure!(fs::read_to_string(CONFIGURATION)? == mine, "{CONFIGURATION} is gone with the package");

    dpkg("--purge", "reprise")?;
    let after = paths(workspace)?;
    let left = after.symmetric_difference(&before).collect::<Vec<_>>();
    ensure!(left.is_empty(), "these are there since, or gone: {left:?}");
    eprintln!("   Debian {system}: nothing is left of it");
    Ok(())
}

/// One that lets clients resume.
fn policy(workspace: &Workspace) -> PathBuf {
    workspace.built_policies().join("smallest.wasm")
}

fn dpkg(what: &str, package: &str) -> Result<()> {
    run(Command::new("dpkg").args([what, package]).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Has systemd read the unit.
fn verify() -> Result<()> {
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.args(["verify", "--man=no", "reprise-agent.service"]).output().context("systemd-analyze")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Of other units it may say what it likes.
    let is_well = output.status.success() && !said.contains("reprise");
    ensure!(is_well, "systemd-analyze verify ({}):\n{said}", output.status);
    Ok(())
}

/// All files and folders of this system.
fn paths(workspace: &Workspace) -> Result<BTreeSet<PathBuf>> {
    let (mut paths, mut folders) = (BTreeSet::new(), vec![PathBuf::from("/")]);
    let is_ours = |path: &Path| path != workspace.root && !NOT_OURS.iter().any(|other| path == Path::new(other));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} could not be read", folder.display()))? {
            let path = entry?.path();
            if !is_ours(&path) {
                continue;
            }
            if fs::symlink_metadata(&path)?.is_dir() {
                folders.push(path.clone());
            }
            paths.insert(path);
        }
    }
    Ok(paths)
}
