//! `reprise module conf`.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, str::FromStr};

use anyhow::Result;
use clap::Args;

use super::in_force::InForce;
use crate::{cli::output, hosting::agent::SOCKET};

/// Where packages have the module.
const MODULE: &str = "/usr/lib/reprise/module.so";
/// The section of modules, where the file in force has none.
const OWN: &str = "reprise_init";
/// The module's own section.
const SECTION: &str = "reprise_section";

/// Print the openssl.cnf with which a server loads the module.
///
/// It stands on the file that is in force now, OPENSSL_CONF or the system's, whose settings go on to hold. Give it to the server, and to
/// nothing else, by its environment:
///
///   reprise module conf --program nginx > /etc/reprise/nginx.cnf
///   OPENSSL_CONF=/etc/reprise/nginx.cnf nginx
///
/// Where the file is missing later, OpenSSL says nothing, and the system's settings do not hold for that server.
#[derive(Args)]
pub(super) struct Conf {
    /// The server's name, under which the agent knows it
    #[arg(long, value_name = "NAME")]
    program: Program,

    /// Where the agent listens
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: AbsolutePath,

    /// The module
    #[arg(long, value_name = "FILE", default_value = MODULE)]
    module: AbsolutePath,
}

/// A server's name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program(String);

/// A path that is the same wherever a server is started, and can stand in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AbsolutePath(String);

/// What stands where an argument should.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` {why}")]
struct ArgumentError {
    found: String,
    why: &'static str,
}

impl Conf {
    pub(super) fn run(self) -> Result<ExitCode> {
        let in_force = InForce::of_this_machine()?;
        output::page(&self.text(&in_force)?);
        Ok(ExitCode::SUCCESS)
    }

    /// The file, on top of what is in force.
    fn text(&self, in_force: &InForce) -> Result<String> {
        let mut text = format!(
            "# For {}, by OPENSSL_CONF in its environment: it loads the module, which asks `reprise agent`.\n",
            self.program.0
        );
        let section = in_force.modules()?;
        if section.is_none() {
            // Before anything is included: a section that begins there does not end there.
            let _ = writeln!(text, "openssl_conf = {OWN}");
        }
        if let Some(file) = in_force.file() {
            let included = AbsolutePath::try_from(file.to_owned())?;
            let _ = writeln!(text, "# What holds without this file.\n.include {}", escaped(&included.0));
        }
        let _ = write!(
            text,
            "\n[{}]\nreprise = {SECTION}\n\n[{SECTION}]\npath = {}\nprogram = {}\nsocket = {}\n",
            section.unwrap_or(OWN),
            escaped(&self.module.0),
            self.program.0,
            escaped(&self.socket.0)
        );
        Ok(text)
    }
}

/// A value of the file as config(5) has it.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for character in value.chars() {
        if r##"\$#"'`"##.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

impl FromStr for Program {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
            let why = "is no program's name: write one like `nginx`, of letters, digits, `.`, `_`, `-`, `@`";
            return Err(ArgumentError { found: text.into(), why });
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for AbsolutePath {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let why = if !text.starts_with('/') {
            "is no absolute path: servers start anywhere; write one like `/run/reprise/agent.sock`"
        } else if text.contains(char::is_control) || text.ends_with(char::is_whitespace) {
            "cannot stand in an openssl.cnf: write a path without line breaks, or a space at its end"
        } else {
            return Ok(Self(text.into()));
        };
        Err(ArgumentError { found: text.into(), why })
    }
}

impl TryFrom<PathBuf> for AbsolutePath {
    type Error = ArgumentError;

    fn try_from(path: PathBuf) -> Result<Self, ArgumentError> {
        match path.into_os_string().into_string() {
            Ok(text) => text.parse(),
            Err(path) => {
                let why = "cannot stand in an openssl.cnf: write a path in UTF-8";
                Err(ArgumentError { found: path.to_string_lossy().into(), why })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    fn conf(module: &str) -> Conf {
        let (program, socket) = ("nginx".parse().unwrap(), SOCKET.parse().unwrap());
        Conf { program, socket, module: module.parse().unwrap() }
    }

    #[test]
    fn what_is_in_force_is_included_under_its_own_section() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a $b #c.cnf");
        fs::write(&file, "openssl_conf = their_init\n[their_init]\nssl_conf = x\n").unwrap();
        let text = conf(MODULE).text(&InForce::read(Some(file)).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert!(lines[0].starts_with(".include /") && lines[0].ends_with(r"a \$b \#c.cnf"), "{text}");
        let rest = [
            "[their_init]",
            "reprise = reprise_section",
            "[reprise_section]",
            "path = /usr/lib/reprise/module.so",
            "program = nginx",
            "socket = /run/reprise/agent.sock",
        ];
        assert_eq!(lines[1..], rest);
    }

    #[test]
    fn a_file_that_loads_no_modules_begins_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("openssl.cnf");
        fs::write(&file, "[req]\nopenssl_conf = not_this\n").unwrap();
        for in_force in [InForce::read(Some(file)).unwrap(), InForce::read(None).unwrap()] {
            let text = conf(MODULE).text(&in_force).unwrap();
            let (own, include) = (text.find("openssl_conf = reprise_init").unwrap(), text.find(".include"));
            assert!(include.is_none_or(|include| own < include), "{text}");
            assert!(text.contains("[reprise_init]\nreprise = reprise_section\n"), "{text}");
        }
    }

    /// OpenSSL itself reads what is printed, and tries to load the module.
    #[test]
    fn openssl_gets_to_the_module() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("their $ #'s.cnf");
        let printed = dir.path().join("reprise.cnf");
        let init = "openssl_conf = \"the init\" # so\n[ the init ]\n";
        for content in [None, Some("[req]\nx = y\n"), Some(init), Some("[x]\ndefault::openssl_conf = \\\ny\n")] {
            if let Some(content) = content {
                fs::write(&theirs, content).unwrap();
            }
            let in_force = InForce::read(content.map(|_| theirs.clone())).unwrap();
            let text = conf("/no/such $ #module.so").text(&in_force).unwrap();
            // Or nothing is said of a module that cannot be loaded.
            fs::write(&printed, format!("config_diagnostics = 1\n{text}")).unwrap();
            let ran = Command::new("openssl").args(["rand", "1"]).env("OPENSSL_CONF", &printed).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(!ran.status.success() && said.contains("/no/such $ #module.so"), "{content:?}: {said}");
        }
    }

    #[test]
    fn what_cannot_stand_in_the_file_is_refused() {
        for text in ["", "a b", "a#", "ä", "$HOME", &"a".repeat(65)] {
            assert!(text.parse::<Program>().expect_err(text).to_string().contains("like `nginx`"), "{text}");
        }
        for text in ["", "agent.sock", "./a", "/a\nb", "/a "] {
            assert!(text.parse::<AbsolutePath>().expect_err(text).to_string().contains("write "), "{text}");
        }
    }
}
