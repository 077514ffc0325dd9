//! `reprise module disable`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use super::{
    afterwards::{self, Done},
    files::{self, Files},
    names::Server,
    root::{
        Root,
        ours::{Found, found},
        plan::{Plan, Planned},
    },
    service::apache,
};
use crate::cli::output;

/// Take back all that `enable` wrote for a service.
///
/// What the service had before is in force again from its next start on. Of files that were changed by hand since, a copy stays.
#[derive(Args)]
pub(super) struct Disable {
    /// Services
    #[arg(value_name = "NAME", required_unless_present = "all")]
    servers: Vec<Server>,

    /// Every service that is enabled
    #[arg(long, conflicts_with = "servers")]
    all: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Disable it in the image of a machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Disable {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Root::new(self.root.as_deref())?;
        let Planned { plan, changed, said } = self.planned(&root)?;
        said.iter().for_each(output::say);
        output::page(&plan.shown());
        let done = if self.dry_run { Done::Nothing } else { Done::Disabled };
        if done != Done::Nothing {
            plan.apply(&root)?;
        }
        afterwards::say(&root, &changed, done)?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn planned(&self, root: &Root) -> Result<Planned> {
        let servers = if self.all { files::enabled(root)? } else { self.servers.clone() };
        let mut planned = Planned::default();
        if servers.is_empty() {
            planned.said.push("no server is enabled".into());
        }
        for server in servers {
            let mut plan = Plan::default();
            planned.said.extend(take_back(root, &server, &mut plan).with_context(|| server.to_string())?);
            planned.add(&server, plan, "is not enabled");
        }
        Ok(planned)
    }
}

/// Plans that nothing of ours is there.
fn take_back(root: &Root, server: &Server, plan: &mut Plan) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let files = Files::of(server);
    for path in files.whole() {
        match found(root, path)? {
            Found::Ours(_) => plan.set(root, path, None)?,
            Found::Changed(_) => {
                let mut kept = path.as_os_str().to_owned();
                kept.push(".kept");
                plan.keep_as(root, path, kept.into())?;
            }
            Found::Foreign => {
                said.push(format!("{} is not from this command, and stays", path.display()));
            }
            Found::Nothing => {}
        }
    }
    if let Some(path) = &files.envvars
        && let Some(text) = root.read(path)?
    {
        plan.set(root, path, Some(apache::without_line(&text)))?;
    }
    Ok(said)
}
