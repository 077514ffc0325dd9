//! `cargo xtask debian`: systems of Debian's to try things in, made by mmdebstrap under
//! target/debian.
//!
//! They lie in folders and run no init. What is tried in one is entered by `chroot` in namespaces
//! of its own, and leaves it as it was.
//!
//! # Layout
//!
//! - `mirror`: where their packages come from
//! - `trial`: the package, installed, used, removed and purged; `agent`: its agent, started as
//!   systemd would; `server`: who asks it

mod agent;
mod mirror;
mod server;
mod trial;

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    Workspace,
    requirements::{Requirement, ensure as ensure_all},
    run::{output, started_by},
};

/// Left out by this variable: what mounts.
const WITHOUT: &str = "REPRISE_WITHOUT_MOUNTS";

/// What it is all done with.
pub const REQUIREMENTS: [Requirement; 3] = [Requirement::Mmdebstrap, Requirement::Lintian, Requirement::DebianKeyring];

/// What is to be done with them.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Make them.
    Make,
    /// Try the package in each.
    Test,
    /// Try this package in the one that this runs in.
    Inside(PathBuf),
}

/// Does it.
///
/// # Errors
/// It fails; what is wrong.
pub fn debian(workspace: &Workspace, wish: Wish) -> Result<()> {
    match wish {
        Wish::Make => make(workspace),
        Wish::Test => trial::test(workspace),
        Wish::Inside(package) => trial::inside(workspace, &package),
    }
}

/// A version of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debian {
    number: u32,
    suite: &'static str,
    /// What is in it beside what every Debian has.
    packages: &'static [&'static str],
}

/// With OpenSSL 3.0. It has what the package depends on; and systemd, which runs nothing there, but
/// knows units.
const BOOKWORM: Debian =
    Debian { number: 12, suite: "bookworm", packages: &["adduser", "libgcc-s1", "libssl3", "procps", "systemd"] };

/// With OpenSSL 3.5. It also has the servers that tests of the module start.
pub const TRIXIE: Debian = Debian {
    number: 13,
    suite: "trixie",
    packages: &[
        "adduser",
        "apache2",
        "haproxy",
        "libgcc-s1",
        "libssl3t64",
        "nginx",
        "openssl",
        "postgresql",
        "procps",
        "python3",
        "redis-server",
        "stunnel4",
        "systemd",
    ],
};

const ALL: [Debian; 2] = [BOOKWORM, TRIXIE];

/// Whether nothing may be mounted, and so no system entered.
pub fn is_left_out() -> bool {
    env::var_os(WITHOUT).is_some_and(|value| value == "1")
}

/// Makes those that are not there.
///
/// # Errors
/// No mirror is known, or mmdebstrap has said why not.
fn make(workspace: &Workspace) -> Result<()> {
    ensure_all(&REQUIREMENTS)?;
    // Each waits for the network, then for a processor.
    thread::scope(|scope| {
        let threads = ALL.map(|debian| scope.spawn(move || debian.make(workspace)));
        let done = threads.map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")));
        done.into_iter().fold(Ok(()), Result::and)
    })
}

impl fmt::Display for Debian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debian {}", self.number)
    }
}

impl Debian {
    fn root(&self, workspace: &Workspace) -> PathBuf {
        workspace.path("target/debian").join(self.suite)
    }

    fn make(&self, workspace: &Workspace) -> Result<()> {
        let (root, made) = (self.root(workspace), self.root(workspace).with_extension("made"));
        let packages = self.packages.join(",");
        if root.exists() && fs::read_to_string(&made).is_ok_and(|there| there == packages) {
            eprintln!("   {} is there", root.display());
            return Ok(());
        }
        let (started, mirror) = (Instant::now(), mirror::of_this_machine()?);
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("{} could not be removed", root.display()))?;
        }
        fs::create_dir_all(workspace.path("target/debian"))?;
        let mut command = Command::new("mmdebstrap");
        command.args(["--mode=root", "--variant=minbase", "--quiet", &format!("--include={packages}")]);
        command.arg(format!("--keyring={}", Requirement::DEBIAN_KEYRING)).args(mirror::proxies());
        let output =
            command.arg(self.suite).arg(&root).arg(mirror).output().context("mmdebstrap could not be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{self} could not be made ({}):\n{said}", output.status);
        fs::write(made, packages)?;
        eprintln!("   {}  {:.1} s", root.display(), started.elapsed().as_secs_f32());
        Ok(())
    }

    /// `command`, as it would run on this system: what it is given besides is the workspace, at its
    /// path here.
    pub fn running(&self, workspace: &Workspace, command: &Command) -> Command {
        let mut entering = Command::new("unshare");
        entering.args(["--mount", "--pid", "--fork", "--kill-child", "sh"]);
        entering.arg(workspace.path("xtask/src/debian/enter.sh")).arg(self.root(workspace)).arg(&workspace.root);
        let mut entering = started_by(entering, command);
        // Programs of this machine's, and files that are none there, are not to be found by it.
        entering
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
            .env("HOME", "/root")
            .env_remove("TMPDIR");
        let folder = command.get_current_dir().map_or_else(|| OsString::from("/"), Into::into);
        entering.env("ENTER_FOLDER", folder);
        entering
    }
}

/// What this system calls itself, e.g. `13`.
fn this_system() -> Result<String> {
    let version = output("sh", &["-c", ". /etc/os-release && echo $VERSION_ID"]);
    version.context("/etc/os-release does not tell which system this is")
}

/// A file's path, as a script has it.
fn shown(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))
}
