//! `reprise check`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use reprise_policy::{
    policies_dir::{CheckError, DirOptions, check},
    policy::{Runtime, RuntimeOptions},
};

use super::{compile::compiler, kept_code, output};
use crate::hosting::read_policy_keys;

/// Check policies as the server would before they go live.
///
/// Each file is compiled, after a component was made of it if it is a core module or text; its imports and exports are held
/// against the interface, it is configured with the NAME.toml beside it, and each of its callbacks is called once. With
/// --policy-keys its signature is held against them first. Compiled code is kept in the user's folder for caches. The exit status is 0 if all of them would go live, else 1.
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
        let runtime = |source_lines| {
            let cache = kept_code::folder();
            Ok::<_, anyhow::Error>(Runtime::new(RuntimeOptions {
                source_lines,
                cache,
                compiler: compiler()?,
                ..RuntimeOptions::default()
            })?)
        };
        let (as_servers_do, mut with_lines) = (runtime(false)?, None);
        let mut status = ExitCode::SUCCESS;
        for file in &self.files {
            let mut checked = check(&as_servers_do, file, &options);
            // It ran, and failed: in which line is worth compiling it again.
            if matches!(&checked, Err(CheckError::Rejected(rejection)) if rejection.step.runs_the_policy()) {
                let with_lines = match &mut with_lines {
                    Some(runtime) => runtime,
                    none => none.insert(runtime(true)?),
                };
                checked = check(with_lines, file, &options);
            }
            match checked {
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
