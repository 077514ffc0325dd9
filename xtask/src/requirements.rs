//! What a command needs of the machine, and how it gets there.
//!
//! What is missing is installed where that is ours to do (root on a Debian or Ubuntu). Anywhere
//! else the command stops, with the line to type.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    machine::{Machine, System},
    run::{self, output, step},
};

/// Something that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The headers of OpenSSL 3.0 or later, and pkg-config to find them by.
    OpensslHeaders,
    /// The `openssl` program, for tests that talk to it.
    OpensslProgram,
    /// Python with its ssl module, for tests that talk to it.
    Python,
    /// What makes environments for programs from PyPI.
    PythonVenv,
    /// Redis or Valkey, for tests that start it. (Debian's package starts a server too, on port 6379: no test uses it.)
    RedisServer,
    /// nginx, for the test that compares with it. (Debian's package starts one too, on port 80: no test uses it.)
    Nginx,
    /// HAProxy, for tests of the module.
    Haproxy,
    /// Apache httpd, for tests of the module.
    Httpd,
    /// stunnel, for tests of the module.
    Stunnel,
    /// PostgreSQL, for tests of the module. (Debian's package starts one, on port 5432: no test uses it.)
    Postgres,
    /// libfaketime, for the test that sets the clock back.
    Faketime,
    /// Java with its compiler, for a test's client.
    Java,
    /// `tstclnt`, for a test's client.
    NssTools,
    /// Prometheus' own parser, for its rules. (Debian's package starts Prometheus, on port 9090: no test uses it.)
    Promtool,
    /// Chromium with its driver, for the test of the page.
    Chromium,
    /// Node.js and npm, for policies in JavaScript.
    Node,
    /// What OpenSSL's own build wants.
    PerlAndMake,
    /// What makes Debian packages.
    Dpkg,
    /// What reads and strips programs.
    Binutils,
    /// What looks at Debian packages.
    Lintian,
    /// What makes systems of Debian's in folders.
    Mmdebstrap,
    /// What Debian's archive is signed with.
    DebianKeyring,
    /// A compiler with the sources of its standard library, where the toolchain in use has no Wasm target.
    DebianRust,
}

/// Where Fedora's package has it.
const FEDORA_TSTCLNT: &str = "/usr/lib64/nss/unsupported-tools/tstclnt";

/// Where Debian has a folder for each version of it.
const POSTGRES: &str = "/usr/lib/postgresql";

impl Requirement {
    /// Where the keyring of Debian's archive is.
    pub const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

    fn is_met(self) -> bool {
        let there = |program: &str, arguments: &[&str]| output(program, arguments).is_some();
        match self {
            // The variables are openssl-sys's own way to be told where OpenSSL is.
            Requirement::OpensslHeaders => {
                ["OPENSSL_DIR", "OPENSSL_LIB_DIR"].iter().any(|name| std::env::var_os(name).is_some())
                    || there("pkg-config", &["--atleast-version=3.0", "openssl"])
            }
            Requirement::OpensslProgram => there("openssl", &["version"]),
            Requirement::Python => there("python3", &["-c", "import ssl"]),
            Requirement::RedisServer => {
                ["redis-server", "valkey-server"].iter().any(|program| there(program, &["--version"]))
            }
            // Debian has it where only root looks.
            Requirement::Nginx => ["nginx", "/usr/sbin/nginx"].iter().any(|program| there(program, &["-v"])),
            Requirement::Haproxy => ["haproxy", "/usr/sbin/haproxy"].iter().any(|program| there(program, &["-v"])),
            Requirement::Httpd => ["apache2", "/usr/sbin/apache2"].iter().any(|program| there(program, &["-v"])),
            Requirement::Stunnel => there("stunnel4", &["-version"]),
            Requirement::Postgres => fs::read_dir(POSTGRES)
                .is_ok_and(|versions| versions.flatten().any(|entry| entry.path().join("bin/initdb").exists())),
            Requirement::Faketime => there("faketime", &["--version"]),
            Requirement::Java => there("javac", &["-version"]),
            // It has no option that only says that it is there.
            Requirement::NssTools => Path::new(FEDORA_TSTCLNT).exists() || Command::new("tstclnt").output().is_ok(),
            Requirement::Promtool => there("promtool", &["--version"]),
            Requirement::PythonVenv => there("python3", &["-c", "import ensurepip, venv"]),
            Requirement::Chromium => {
                there("chromedriver", &["--version"])
                    && ["chromium", "chromium-browser", "google-chrome"]
                        .iter()
                        .any(|program| there(program, &["--version"]))
            }
            Requirement::Node => there("node", &["--version"]) && there("npm", &["--version"]),
            Requirement::PerlAndMake => {
                there("make", &["--version"])
                    && there("perl", &["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e", "1"])
            }
            Requirement::Dpkg => there("dpkg-deb", &["--version"]),
            Requirement::Binutils => ["readelf", "strip"].iter().all(|program| there(program, &["--version"])),
            // It takes its time to say its version.
            Requirement::Lintian => Path::new("/usr/bin/lintian").exists(),
            Requirement::Mmdebstrap => there("mmdebstrap", &["--version"]),
            Requirement::DebianKeyring => Path::new(Self::DEBIAN_KEYRING).exists(),
            Requirement::DebianRust => {
                Path::new("/usr/bin/rustc").exists() && Path::new("/usr/lib/rustlib/src/rust/library/std").exists()
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Requirement::OpensslHeaders => "the headers of OpenSSL 3.0 or later, and pkg-config",
            Requirement::OpensslProgram => "the openssl program",
            Requirement::Python => "python3 with its ssl module",
            Requirement::RedisServer => "redis-server 7.0 or later, or valkey-server",
            Requirement::Nginx => "nginx",
            Requirement::Haproxy => "HAProxy",
            Requirement::Httpd => "Apache httpd",
            Requirement::Stunnel => "stunnel",
            Requirement::Postgres => "PostgreSQL",
            Requirement::Faketime => "libfaketime",
            Requirement::Java => "a Java development kit",
            Requirement::NssTools => "tstclnt, of NSS",
            Requirement::Promtool => "promtool, of Prometheus",
            Requirement::PythonVenv => "Python's venv",
            Requirement::Chromium => "Chromium with chromedriver",
            Requirement::Node => "Node.js with npm",
            Requirement::PerlAndMake => "perl and make",
            Requirement::Dpkg => "dpkg-deb",
            Requirement::Binutils => "readelf and strip, of binutils",
            Requirement::Lintian => "lintian",
            Requirement::Mmdebstrap => "mmdebstrap",
            Requirement::DebianKeyring => "the keyring of Debian's archive",
            Requirement::DebianRust => "a Rust compiler that makes WebAssembly",
        }
    }

    /// The packages that bring it; none where we do not know.
    fn packages(self, system: System) -> &'static [&'static str] {
        use {Requirement as R, System as S};
        match (self, system) {
            (R::OpensslHeaders, S::Debian) => &["pkg-config", "libssl-dev"],
            (R::OpensslHeaders, S::Fedora) => &["pkgconf-pkg-config", "openssl-devel"],
            (R::OpensslHeaders, S::Alpine) => &["pkgconf", "openssl-dev"],
            (R::OpensslHeaders, S::Arch) => &["pkgconf", "openssl"],
            (R::OpensslHeaders, S::MacOs) => &["pkgconf", "openssl@3"],
            (R::OpensslProgram, S::MacOs) => &["openssl@3"],
            (R::OpensslProgram, S::Other) => &[],
            (R::OpensslProgram, _) => &["openssl"],
            (R::Python, S::Arch | S::MacOs) => &["python"],
            (R::Python, S::Other) => &[],
            (R::Python, _) => &["python3"],
            (R::RedisServer, S::Debian) => &["redis-server"],
            (R::RedisServer, S::Fedora | S::Arch) => &["valkey"],
            (R::RedisServer, S::Alpine | S::MacOs) => &["redis"],
            (R::Nginx, S::Other) => &[],
            (R::Nginx, _) => &["nginx"],
            (R::Haproxy, S::Other) => &[],
            (R::Haproxy, _) => &["haproxy"],
            (R::Httpd, S::Debian) => &["apache2"],
            (R::Stunnel, S::Debian) => &["stunnel4"],
            // Of whichever version the system has.
            (R::Postgres, S::Debian) => &["postgresql"],
            // They have other names there, and their files lie elsewhere.
            (R::Httpd | R::Stunnel | R::Postgres, _) => &[],
            (R::Faketime, S::Debian) => &["faketime"],
            (R::Faketime, S::Fedora | S::Alpine | S::Arch | S::MacOs) => &["libfaketime"],
            (R::Java, S::Debian) => &["default-jdk-headless"],
            (R::Java, S::Fedora) => &["java-latest-openjdk-devel"],
            (R::Java, S::Alpine) => &["openjdk21-jdk"],
            (R::Java, S::Arch) => &["jdk-openjdk"],
            (R::Java, S::MacOs) => &["openjdk"],
            (R::NssTools, S::Debian) => &["libnss3-tools"],
            (R::NssTools, S::Fedora | S::Alpine) => &["nss-tools"],
            (R::NssTools, S::Arch | S::MacOs) => &["nss"],
            (R::Promtool, S::Debian | S::Alpine | S::Arch | S::MacOs) => &["prometheus"],
            (R::Promtool, S::Fedora) => &["golang-github-prometheus"],
            (R::PythonVenv, S::Debian) => &["python3-venv"],
            (R::PythonVenv, S::Fedora | S::Alpine) => &["python3"],
            (R::PythonVenv, S::Arch | S::MacOs) => &["python"],
            (R::Chromium, S::Debian) => &["chromium", "chromium-driver"],
            (R::Chromium, S::Fedora) => &["chromium", "chromedriver"],
            (R::Chromium, S::Alpine) => &["chromium", "chromium-chromedriver"],
            (R::Chromium, S::Arch) => &["chromium"],
            (R::Chromium, _) => &[],
            (R::Node, S::Other) => &[],
            (R::Node, S::MacOs) => &["node"],
            (R::Node, _) => &["nodejs", "npm"],
            (R::PerlAndMake, S::Fedora) => &["perl", "make"],
            (R::PerlAndMake, S::Debian | S::Alpine | S::Arch) => &["perl", "make"],
            (R::Dpkg, S::Debian | S::Fedora | S::Alpine | S::Arch | S::MacOs) => &["dpkg"],
            (R::Binutils, S::Debian | S::Fedora | S::Alpine | S::Arch) => &["binutils"],
            (R::Lintian, S::Debian) => &["lintian"],
            (R::Mmdebstrap, S::Debian) => &["mmdebstrap"],
            (R::DebianKeyring, S::Debian) => &["debian-archive-keyring"],
            (R::DebianRust, S::Debian) => &["rustc-web", "rust-web-src", "rust-web-llvm"],
            (_, _) => &[],
        }
    }
}

/// Sees to what a command needs: installs what is missing, where that is ours to do.
///
/// # Errors
/// It is not, with the line to type; or the installation failed.
pub fn ensure(requirements: &[Requirement]) -> Result<()> {
    missing(requirements)?.install()
}

/// What is missing, and may be installed.
pub struct Missing {
    requirements: Vec<Requirement>,
    packages: Vec<&'static str>,
}

/// What of this is missing.
///
/// # Errors
/// Something is that is not ours to install, with the line to type.
pub fn missing(requirements: &[Requirement]) -> Result<Missing> {
    let requirements: Vec<_> = requirements.iter().copied().filter(|requirement| !requirement.is_met()).collect();
    match plan(&requirements, &Machine::here()) {
        Plan::Nothing => Ok(Missing { requirements, packages: Vec::new() }),
        Plan::Install(packages) => Ok(Missing { requirements, packages }),
        Plan::Stop(message) => bail!(message),
    }
}

impl Missing {
    /// Installs it.
    ///
    /// # Errors
    /// That failed.
    pub fn install(self) -> Result<()> {
        if self.packages.is_empty() {
            return Ok(());
        }
        install(&self.packages)?;
        match self.requirements.iter().find(|requirement| !requirement.is_met()) {
            None => Ok(()),
            Some(still) => bail!("{} still missing after its packages were installed", still.words()),
        }
    }
}

/// What to do about what is missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// Install these packages with apt-get.
    Install(Vec<&'static str>),
    /// Stop, with this message.
    Stop(String),
}

fn plan(missing: &[Requirement], machine: &Machine) -> Plan {
    if missing.is_empty() {
        return Plan::Nothing;
    }
    let mut packages: Vec<&str> =
        missing.iter().flat_map(|requirement| requirement.packages(machine.system)).copied().collect();
    packages.dedup();
    if machine.installs() {
        return Plan::Install(packages);
    }
    let words = missing.iter().map(|requirement| requirement.words()).collect::<Vec<_>>().join("; ");
    let known = missing.iter().all(|requirement| !requirement.packages(machine.system).is_empty());
    let what_to_do = match install_line(&packages, machine).filter(|_| known) {
        Some(line) => format!("Type this, then try again:\n  {line}"),
        None => "Install that the way your system does it, then try again.".to_owned(),
    };
    Plan::Stop(format!("missing: {words}. {what_to_do}"))
}

/// The line that a user types.
fn install_line(packages: &[&str], machine: &Machine) -> Option<String> {
    let sudo = if machine.root || machine.system == System::MacOs { "" } else { "sudo " };
    let packages = packages.join(" ");
    Some(match machine.system {
        System::Debian => format!("{sudo}apt-get update && {sudo}apt-get install -y {packages}"),
        System::Fedora => format!("{sudo}dnf install -y {packages}"),
        System::Alpine => format!("{sudo}apk add {packages}"),
        System::Arch => format!("{sudo}pacman -S --needed {packages}"),
        System::MacOs => format!("brew install {packages}"),
        System::Other => return None,
    })
}

fn install(packages: &[&str]) -> Result<()> {
    step(&format!("installing {}", packages.join(" ")));
    let mut updated = false;
    if !has_package_lists() {
        update()?;
        updated = true;
    }
    match run::run(apt_get("install").args(packages)) {
        // The lists may be so old that they name packages which are gone.
        Err(_) if !updated => {
            update()?;
            run::run(apt_get("install").args(packages))
        }
        done => done,
    }
}

fn update() -> Result<()> {
    run::run(&mut apt_get("update"))
}

fn apt_get(command: &str) -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive").arg(command);
    if command == "install" {
        // It must never take away what is there, such as another Rust.
        apt_get.args(["--yes", "--no-remove", "--no-install-recommends"]);
    }
    apt_get
}

/// Images come without them.
fn has_package_lists() -> bool {
    let Ok(entries) = fs::read_dir("/var/lib/apt/lists") else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: [Requirement; 1] = [Requirement::OpensslHeaders];

    fn stop(missing: &[Requirement], system: System, root: bool) -> String {
        match plan(missing, &Machine { system, root }) {
            Plan::Stop(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_done_where_nothing_is_missing() {
        assert_eq!(plan(&[], &Machine { system: System::Other, root: false }), Plan::Nothing);
    }

    #[test]
    fn who_is_not_root_gets_the_line_to_type() {
        let message = stop(&HEADERS, System::Debian, false);
        let line = "\n  sudo apt-get update && sudo apt-get install -y pkg-config libssl-dev";
        assert!(message.ends_with(line), "{message}");
    }

    #[test]
    fn another_system_gets_its_own_line_also_as_root() {
        for (system, line) in [
            (System::Fedora, "\n  dnf install -y pkgconf-pkg-config openssl-devel"),
            (System::Alpine, "\n  apk add pkgconf openssl-dev"),
            (System::Arch, "\n  pacman -S --needed pkgconf openssl"),
            (System::MacOs, "\n  brew install pkgconf openssl@3"),
        ] {
            let message = stop(&HEADERS, system, true);
            assert!(message.ends_with(line), "{message}");
        }
    }

    #[test]
    fn an_unknown_system_is_told_what_is_missing() {
        let message = stop(&[Requirement::OpensslHeaders, Requirement::Python], System::Other, true);
        assert!(message.contains("headers of OpenSSL 3.0 or later") && message.contains("python3"), "{message}");
        assert!(!message.contains("Type this"), "{message}");
    }

    #[test]
    fn a_line_that_would_not_bring_everything_is_not_given() {
        let message = stop(&[Requirement::OpensslHeaders, Requirement::DebianRust], System::Fedora, false);
        assert!(!message.contains("Type this"), "{message}");
    }

    #[test]
    fn packages_are_never_taken_away() {
        let install = apt_get("install");
        assert!(install.get_args().any(|argument| argument == "--no-remove"));
    }
}
