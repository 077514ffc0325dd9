//! `reprise manual`: what packages have the manual pages by. They say what `--help` does, and are made of the same declarations.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};

/// Write the manual pages, one for each command
#[derive(Args)]
pub(super) struct Manual {
    /// Where they go, as reprise.1, reprise-agent.1 and so on
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { folder } = self;
        clap_mangen::generate_to(super::Command::command(), &folder)
            .with_context(|| format!("the manual pages could not be written to {}", folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
