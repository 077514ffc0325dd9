//! Clients of other makes. Each connects to a server twice, asks for a.example, offers the session
//! of the first connection in the second, and prints what the server answers.

mod rustls;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{REQUEST, Report, Version, built, python, report::ANSWERED};

const GO: &str = include_str!("visits.go");
const JAVA: &str = include_str!("Visits.java");

/// Who made a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Go's crypto/tls.
    Go,
    /// The Java that is installed.
    Java,
    /// Mozilla's NSS, by its `tstclnt`.
    Nss,
    /// The same, with the made-up `encrypted_client_hello` of browsers.
    NssWithEch,
    /// The OpenSSL that Python is linked with.
    OpenSsl,
    /// rustls.
    Rustls,
}

impl Make {
    /// All of them.
    pub const ALL: [Make; 6] = [Make::Go, Make::Java, Make::Nss, Make::NssWithEch, Make::OpenSsl, Make::Rustls];

    /// What the server answers to two connections, the second of which offers the session of the first.
    ///
    /// # Panics
    /// The client is not there, or fails.
    pub fn visits_twice(self, address: SocketAddr, version: Version) -> [Report; 2] {
        let place = tempfile::tempdir().expect("a place for the program");
        let answers = match self {
            Make::Go => printed(go(address, version, place.path()), "go, 1.25 or later"),
            Make::Java => printed(java(address, version, place.path()), "apt-get install default-jdk-headless"),
            Make::Nss => printed(nss(address, version, place.path(), &[]), "apt-get install libnss3-tools"),
            Make::NssWithEch => {
                printed(nss(address, version, place.path(), &["-i", "100"]), "apt-get install libnss3-tools")
            }
            Make::OpenSsl => {
                let visits = python::visits(address, version, None, &["a.example"; 2]);
                return visits.iter().map(python::Visit::answered).collect::<Vec<_>>().try_into().expect("two visits");
            }
            Make::Rustls => rustls::visit_twice(address, version),
        };
        let mut reports = answers.split(ANSWERED).skip(1).map(|answer| {
            Report::of_answer(&format!("{ANSWERED}{answer}")).unwrap_or_else(|error| panic!("{self:?}: {error}"))
        });
        std::array::from_fn(|visit| reports.next().unwrap_or_else(|| panic!("{self:?}, visit {visit}: {answers}")))
    }
}

fn go(address: SocketAddr, version: Version, place: &Path) -> Command {
    let program = place.join("visits.go");
    std::fs::write(&program, GO).expect("the program is written");
    let mut go = Command::new(built::go());
    // No other Go than this one, and no module but the standard library.
    go.env("GOTOOLCHAIN", "local").env("GOFLAGS", "").args(["run"]).arg(program);
    go.args([&address.to_string(), "a.example", version.name(), REQUEST]);
    go
}

fn java(address: SocketAddr, version: Version, place: &Path) -> Command {
    let program = place.join("Visits.java");
    std::fs::write(&program, JAVA).expect("the program is written");
    let mut java = Command::new("java");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    java.arg(program).args([&host, &port, "a.example", version.name(), REQUEST]);
    java
}

fn nss(address: SocketAddr, version: Version, place: &Path, more: &[&str]) -> Command {
    let request = place.join("request");
    std::fs::write(&request, REQUEST).expect("the request is written");
    // Fedora has it where only its own tests look.
    let fedora = Path::new("/usr/lib64/nss/unsupported-tools/tstclnt");
    let mut nss = Command::new(if fedora.exists() { PathBuf::from(fedora) } else { "tstclnt".into() });
    let version = version.name().replace("TLSv", "tls");
    // With extended master secrets, which it leaves out otherwise.
    nss.args(["-D", "-o", "-G", "-V", &format!("{version}:{version}"), "-L", "2", "-a", "a.example"]).args(more);
    nss.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "-A"]).arg(request);
    nss
}

fn printed(mut command: Command, install: &str) -> String {
    let program = command.get_program().to_owned();
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{program:?} is not there ({error}). Install it, then try again:\n  {install}"));
    let printed = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(done.status.success(), "{program:?} failed:\n{printed}");
    printed
}
