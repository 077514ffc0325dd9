//! `reprise agent`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Args;
use reprise::{Host, agent};

/// Decide for servers that nobody rebuilds: their modules ask this agent.
#[derive(Args)]
pub(super) struct Agent {
    /// Where modules find it
    #[arg(long, value_name = "PATH", default_value = "/run/reprise/agent.sock")]
    socket: PathBuf,

    /// The directory of policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

impl Agent {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut host = Host::builder();
        if let Some(policies) = &self.policies {
            host = host.policies(policies);
        }
        let host = Arc::new(host.build()?);
        let _agent = agent::Agent::start(&host, agent::Options { socket: self.socket, uids: Vec::new() })?;
        loop {
            std::thread::park();
        }
    }
}
