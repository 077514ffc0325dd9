//! `reprise module check`.
//!
//! - `rules`: what the unit forbids
//! - `loading`: whether the module can be loaded; `agent`: whether it is answered
//! - `system`: what this machine forbids, and FIPS
//! - `facts`: what policies are not told by this server

mod agent;
mod facts;
mod loading;
mod rules;
mod system;
#[cfg(test)]
mod tests;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;

use super::{
    enable::arrives,
    files::{self, Files, configured::Configured},
    list::running,
    names::Server,
    root::{
        Root,
        ours::{self, Found},
    },
    service::{
        nginx::{self, Needs},
        processes::{self, Loaded},
        unit::Unit,
    },
};
use crate::cli::output;

/// Look whether the module works in a service: whether it would be loaded, what forbids it, and who answers it.
///
/// The exit status is 0 if all is well, and 1 if something was found.
#[derive(Args)]
pub(super) struct Check {
    /// Services [default: each that is enabled]
    #[arg(value_name = "NAME")]
    servers: Vec<Server>,

    /// Look at the image of a machine, in which nothing runs
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    lines: Vec<String>,
    troubles: usize,
}

/// What is looked at.
struct Subject<'a> {
    root: &'a Root,
    server: &'a Server,
    files: &'a Files,
    unit: &'a Unit,
    configured: &'a Configured,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Root::new(self.root.as_deref())?;
        let servers = if self.servers.is_empty() { files::enabled(&root)? } else { self.servers };
        if servers.is_empty() {
            output::say("no server is enabled: `reprise module enable NAME`");
        }
        let mut well = true;
        for server in &servers {
            let findings = check(&root, server)?;
            output::say(format_args!("{server}:"));
            findings.lines.iter().for_each(output::say);
            well &= findings.troubles == 0;
        }
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn check(root: &Root, server: &Server) -> Result<Findings> {
    let (files, mut findings) = (Files::of(server), Findings::default());
    if !files.any(root)? {
        findings.trouble("it is not enabled", format_args!("reprise module enable {server}"));
        return Ok(findings);
    }
    for path in files.whole() {
        let shown = path.display();
        match ours::found(root, path)? {
            Found::Changed(_) => findings.note(format_args!("{shown} was changed by hand")),
            Found::Foreign => findings.note(format_args!("{shown} is not from this command")),
            Found::Ours(_) | Found::Nothing => {}
        }
    }
    let unit = match Unit::read(root, server) {
        Ok(unit) => unit,
        Err(error) => {
            findings
                .trouble(format_args!("{error:#}"), format_args!("`reprise module disable {server}`, or install it"));
            return Ok(findings);
        }
    };
    match arrives(root, &unit, &files) {
        Ok(()) => findings.well(format_args!("its unit gives it OPENSSL_CONF={}", files.value())),
        Err(error) => findings.trouble(format_args!("{error:#}"), "see there"),
    }
    let configured = match Configured::read(root, &files) {
        Ok(configured) => configured,
        Err(error) => {
            findings.trouble(format_args!("{error:#}"), format_args!("reprise module enable {server}"));
            return Ok(findings);
        }
    };
    let subject = Subject { root, server, files: &files, unit: &unit, configured: &configured };
    loading::look(&subject, &mut findings);
    agent::look(&subject, &mut findings);
    rules::look(&subject, &mut findings);
    system::look(&subject, &mut findings);
    facts::look(&subject, &mut findings);
    if files.snippet.is_some() && nginx::needs(root)? != Needs::Nothing && !root.exists(nginx::SNIPPET.as_ref()) {
        let line = format!("add `{}` to nginx.conf, outside of all blocks", nginx::LINE);
        findings.trouble("nginx has no module after a binary upgrade (USR2)", line);
    }
    processes(&subject, &mut findings);
    Ok(findings)
}

/// Whether what runs has the module.
fn processes(subject: &Subject<'_>, findings: &mut Findings) {
    let Subject { root, server, files, unit, configured } = subject;
    if !root.is_machine() {
        return;
    }
    let all = processes::of(&server.unit(), unit.program().as_deref(), &configured.module, files.value());
    let said = format!("processes {}", running(server, &all));
    if all.iter().any(|process| process.module == Loaded::Never) {
        findings.trouble(said, format_args!("systemctl restart {server}"));
    } else if all.iter().any(|process| process.module == Loaded::Not) {
        findings.note(format!("{said}: it is, with the first use of TLS, unless OpenSSL could not"));
    } else {
        findings.well(said);
    }
}

impl Findings {
    fn well(&mut self, what: impl Display) {
        self.lines.push(format!("  ok       {what}"));
    }

    fn note(&mut self, what: impl Display) {
        self.lines.push(format!("  note     {what}"));
    }

    fn trouble(&mut self, what: impl Display, then: impl Display) {
        self.troubles += 1;
        self.lines.push(format!("  TROUBLE  {what}"));
        self.lines.push(format!("           {then}"));
    }
}

impl Subject<'_> {
    /// The user that it is started as, if that is not root.
    fn user(&self) -> Option<&str> {
        match self.unit.last("User") {
            Some((user, _)) if user != "root" && user != "0" => Some(user),
            Some(_) => None,
            None => self.unit.says_yes("DynamicUser").map(|_| "of its own (DynamicUser=)"),
        }
    }

    /// Paths that the module has to get to, with what for.
    fn needs(&self) -> Vec<(&Path, &'static str)> {
        let Configured { module, socket, secret, .. } = self.configured;
        let mut needs = vec![
            (&*self.files.conf, "its configuration"),
            (&**module, "the module"),
            (&**socket, "the agent's socket"),
        ];
        needs.extend(secret.as_deref().map(|secret| (secret, "the secret")));
        needs
    }
}
