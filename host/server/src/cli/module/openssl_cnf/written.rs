//! The openssl.cnf that a server is given.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;

use super::in_force::InForce;
use crate::{
    cli::module::{
        names::{AbsolutePath, Program},
        root::Root,
    },
    hosting::agent::SOCKET,
};

/// Where packages have the module.
pub(in crate::cli::module) const MODULE: &str = "/usr/lib/reprise/module.so";
/// What the agent and modules that root loads know, and nobody else.
pub(in crate::cli::module) const SECRET: &str = "/var/lib/reprise/module.secret";
/// The section of modules, where the file in force has none.
const OWN: &str = "reprise_init";
/// The module's own section.
pub(in crate::cli::module) const SECTION: &str = "reprise_section";
/// The user that the packaged agent runs as.
pub(in crate::cli::module) const AGENT: &str = "reprise";

/// Where things are.
#[derive(Args, Clone, Debug)]
pub(in crate::cli::module) struct Places {
    /// Where the agent listens
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    pub(in crate::cli::module) socket: AbsolutePath,

    /// The module
    #[arg(long, value_name = "FILE", default_value = MODULE)]
    pub(in crate::cli::module) module: AbsolutePath,

    /// What module and agent know each other by where the socket's path is out of reach (a chroot)
    #[arg(long, value_name = "FILE", default_value = SECRET)]
    pub(in crate::cli::module) secret: AbsolutePath,
}

/// What stands in the file.
#[derive(Clone, Debug)]
pub(in crate::cli::module) struct Written {
    pub(in crate::cli::module) program: Program,
    pub(in crate::cli::module) places: Places,
    /// Look on, and change nothing.
    pub(in crate::cli::module) observe: bool,
    /// The number of the user that the agent runs as.
    pub(in crate::cli::module) agent: Option<u32>,
}

impl Written {
    /// The file, on top of what is in force.
    ///
    /// # Errors
    /// What is in force loads the module already, or cannot be understood.
    pub(in crate::cli::module) fn text(&self, in_force: &InForce) -> Result<String> {
        let Self { program, places, observe, agent } = self;
        let mut text = format!(
            "# For {program}, by OPENSSL_CONF in its environment: it loads the module, which asks `reprise agent`.\n"
        );
        let section = in_force.modules()?;
        if section.is_none() {
            // Before anything is included: a section that begins there does not end there.
            let _ = writeln!(text, "openssl_conf = {OWN}");
        }
        if let Some(file) = in_force.file() {
            let included = AbsolutePath::try_from(file.to_owned())?;
            let _ = writeln!(text, "# What holds without this file.\n.include {}", escaped(included.as_str()));
        }
        let _ = write!(
            text,
            "\n[{}]\nreprise = {SECTION}\n\n[{SECTION}]\npath = {}\nprogram = {program}\nsocket = {}\nsecret = {}\n",
            section.unwrap_or(OWN),
            escaped(places.module.as_str()),
            escaped(places.socket.as_str()),
            escaped(places.secret.as_str())
        );
        if let Some(agent) = agent {
            let _ = writeln!(text, "agent = {agent}");
        }
        if *observe {
            text.push_str("observe = yes\n");
        }
        Ok(text)
    }
}

/// The number of the user that the packaged agent runs as, if there is one.
pub(in crate::cli::module) fn agent_user(root: &Root) -> Option<u32> {
    let users = root.read("/etc/passwd".as_ref()).ok()??;
    let mut fields = users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(AGENT))?;
    fields.nth(2)?.parse().ok()
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

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    fn written(module: &str) -> Written {
        let (socket, secret) = (SOCKET.parse().unwrap(), SECRET.parse().unwrap());
        let places = Places { socket, secret, module: module.parse().unwrap() };
        Written { program: "nginx".parse().unwrap(), places, observe: false, agent: None }
    }

    #[test]
    fn what_is_in_force_is_included_under_its_own_section() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a $b #c.cnf");
        fs::write(&file, "openssl_conf = their_init\n[their_init]\nssl_conf = x\n").unwrap();
        let ours = Written { observe: true, agent: Some(123), ..written(MODULE) };
        let text = ours.text(&InForce::read(Some(file)).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert!(lines[0].starts_with(".include /") && lines[0].ends_with(r"a \$b \#c.cnf"), "{text}");
        let rest = [
            "[their_init]",
            "reprise = reprise_section",
            "[reprise_section]",
            "path = /usr/lib/reprise/module.so",
            "program = nginx",
            "socket = /run/reprise/agent.sock",
            "secret = /var/lib/reprise/module.secret",
            "agent = 123",
            "observe = yes",
        ];
        assert_eq!(lines[1..], rest);
    }

    #[test]
    fn a_file_that_loads_no_modules_begins_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("openssl.cnf");
        fs::write(&file, "[req]\nopenssl_conf = not_this\n").unwrap();
        for in_force in [InForce::read(Some(file)).unwrap(), InForce::read(None).unwrap()] {
            let text = written(MODULE).text(&in_force).unwrap();
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
            let text = written("/no/such $ #module.so").text(&in_force).unwrap();
            // Or nothing is said of a module that cannot be loaded.
            fs::write(&printed, format!("config_diagnostics = 1\n{text}")).unwrap();
            let ran = Command::new("openssl").args(["rand", "1"]).env("OPENSSL_CONF", &printed).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(!ran.status.success() && said.contains("/no/such $ #module.so"), "{content:?}: {said}");
        }
    }
}
