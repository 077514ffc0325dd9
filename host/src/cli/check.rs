//! `reprise check`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

/// Check policies as the server would before they go live.
#[derive(Args)]
pub(super) struct Check {
    /// Policies: NAME.wasm, each with its NAME.toml beside it if there is one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let _ = self.files;
        anyhow::bail!("waiting for the policy runtime")
    }
}
