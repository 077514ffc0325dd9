//! `reprise build`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use reprise_authoring::Project;

use super::output;

/// Build a policy: leaves NAME.wasm in its project.
///
/// Runs the usual commands of its language, and shows them. Where a program is missing, the error ends in the command that installs
/// it. The project's reprise-policy.toml names the language, or a command of its own.
#[derive(Args)]
pub(super) struct Build {
    /// The project, as `reprise new` makes it
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Build {
    pub(super) fn run(self) -> Result<ExitCode> {
        let file = Project::open(&self.dir)?.build()?;
        let bytes = std::fs::metadata(&file)?.len();
        output::say(format_args!("{}: {} KB", file.display(), bytes.div_ceil(1024)));
        Ok(ExitCode::SUCCESS)
    }
}
