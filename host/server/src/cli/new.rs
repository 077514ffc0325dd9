//! `reprise new`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use reprise_authoring::{Language, scaffold};

use super::output;

/// Begin a policy: a project that builds and passes its own tests.
///
/// It has a small policy to change (sessions of some names resume for ten minutes, and only from the address that made them), its
/// settings, vectors that say what it decides, the interface, and the SDK of its language, so that it builds the same
/// everywhere.
#[derive(Args)]
pub(super) struct New {
    /// The policy's name: lower-case letters, digits and hyphens
    name: String,

    /// The language
    #[arg(long, value_name = "LANG", help = format!("The language: {}", languages()))]
    lang: Language,

    /// Where to put the project, which must not be there yet [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl New {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { name, lang, dir } = self;
        let dir = dir.unwrap_or_else(|| PathBuf::from(&name));
        scaffold(&dir, &name, lang)?;
        output::say(format_args!("made {}. Now type:", dir.display()));
        output::say(format_args!("  cd {}", dir.display()));
        if let Some(packages) = lang.packages() {
            output::say(format_args!("  {packages}"));
        }
        output::page(&format!("  reprise build\n  reprise test {name}.wasm vectors.toml\n  reprise dev"));
        Ok(ExitCode::SUCCESS)
    }
}

fn languages() -> String {
    Language::ALL.map(Language::as_str).join(", ")
}
