//! `reprise sign`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use reprise_policy::signing::sign::{new_key, secret_key, sign};

use super::{core_dumps, output};

/// Sign policies, so that servers with --policy-keys take them.
///
/// Writes NAME.wasm.sig beside each NAME.wasm, in the format of minisign, whose tool verifies it too. It stands for the module
/// as it lies there, the policy's name, and the NAME.toml beside it or its absence: sign again when one of them changes.
#[derive(Args)]
pub(super) struct Sign {
    /// The secret key to sign with, as --new-key makes it, or `minisign -G` with a password
    #[arg(long, value_name = "KEY", required_unless_present = "new_key")]
    key: Option<PathBuf>,

    /// Make a key: the secret half KEY, and KEY.pub, whose content goes into the servers' --policy-keys FILE
    #[arg(long, value_name = "KEY", conflicts_with_all = ["key", "files"])]
    new_key: Option<PathBuf>,

    /// Do not protect the new key with a password: for a build machine that keeps it as a secret
    #[arg(long, requires = "new_key")]
    no_password: bool,

    /// Policies: NAME.wasm, each with its NAME.toml beside it if there is one
    #[arg(value_name = "FILE", required_unless_present = "new_key")]
    files: Vec<PathBuf>,
}

impl Sign {
    pub(super) fn run(self) -> Result<ExitCode> {
        core_dumps::forbid()?;
        if let Some(file) = self.new_key {
            let public = new_key(&file, self.no_password)?;
            output::say(format_args!(
                "made {} (secret: keep it away from servers) and {}",
                file.display(),
                public.display()
            ));
        }
        if let Some(key) = self.key {
            let key = secret_key(&key)?;
            for file in &self.files {
                output::say(format_args!("signed: {}", sign(file, &key)?.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
