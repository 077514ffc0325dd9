//! `reprise check`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use reprise_policy::{
    policies_dir::{DirOptions, check},
    policy::{Runtime, RuntimeOptions},
};

use super::{compile::compiler, output};
use crate::hosting::read_policy_keys;

/// Check policies as the server would before they go live.
///
/// Each file is compiled, after a component was made of it if it is a core module or text; its imports and exports are held
/// against the interface, it is configured with the NAME.toml beside it, and each of its callbacks is called once. With
/// --policy-keys its signature is held against them first. The exit status is 0 if all of them would go live, else 1.
#[derive(Args)]
pub(super) struct Check {
    /// Policies: NAME.wasm, each with its NAME.toml beside it if there is one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Public keys one of which must have signed each policy, as with `reprise serve`
    #[arg(long, value_name = "FILE")]
    policy_keys: Option<PathBuf>,

    /// Refuse policies that others than their owner may write, as with `reprise serve`
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let keys = self.policy_keys.as_ref().map(|file| read_policy_keys(file, self.strict)).transpose()?;
        let options = DirOptions { keys, strict: self.strict, ..DirOptions::default() };
        let runtime =
            Runtime::new(RuntimeOptions { source_lines: true, compiler: compiler()?, ..RuntimeOptions::default() })?;
        let mut status = ExitCode::SUCCESS;
        for file in &self.files {
            match check(&runtime, file, &options) {
                Ok(checked) => {
                    let (name, hash) = (checked.policy.name(), checked.hash);
                    output::say(format_args!("ok: {}: policy `{name}`, sha256 {hash}…", file.display()));
                }
                Err(error) => {
                    output::say_block(format_args!("rejected: {error}"));
                    status = ExitCode::FAILURE;
                }
            }
        }
        Ok(status)
    }
}
