//! `reprise keys`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use reprise_session::{
    clock,
    session::{Keyring, keyring::file::KeyringFile},
};

use super::{core_dumps, output};
use crate::hosting::Span;

/// Make and rotate the keyring that seals sessions and makes their ids.
///
/// Every node of a fleet has the same one, as `--keyring FILE`. Whoever can read it can open every session that the fleet keeps.
#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a keyring of one new key, where no file is yet
    New {
        /// The keyring, which its owner alone may read
        file: PathBuf,
    },
    /// Add a key, and drop those that have not sealed for long enough
    ///
    /// Copy the file to every node before the new key seals: until then the nodes that have it and those that do not yet agree.
    /// Servers reload it when it changes.
    Rotate {
        /// The keyring
        file: PathBuf,

        /// When the new key begins to seal, counted from now
        ///
        /// A node that does not have it by then misses on what the others seal with it.
        #[arg(long = "in", value_name = "SPAN", default_value = "10m")]
        after: Span,

        /// How long a key that seals no more still opens, before a later rotation drops it
        ///
        /// As long as the longest --max-lifetime in the fleet: what is older resumes nowhere. And no shorter than the default of 7 days,
        /// for which what is revoked is remembered: a node that cannot open it any more takes everything for revoked.
        #[arg(long, value_name = "SPAN", default_value = "7d")]
        keep: Span,
    },
    /// Show the ids of the keys, since when each seals, and which one does; no secrets
    List {
        /// The keyring
        file: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode> {
        core_dumps::forbid()?;
        let now = clock::now();
        match self.action {
            Action::New { file } => {
                KeyringFile::new(&file, now)?.create()?;
                output::say(format_args!(
                    "made {}: copy it to every node that shares sessions, and let nobody else read it",
                    file.display()
                ));
            }
            Action::Rotate { file, after, keep } => {
                let mut keyring = KeyringFile::read(&file)?;
                let dropped = keyring.rotate(now.saturating_add(after.0.as_secs()), keep.0.as_secs(), now)?;
                keyring.replace()?;
                dropped
                    .iter()
                    .for_each(|id| output::say(format_args!("dropped {id}, which has not sealed for {keep}")));
                list(&file, now)?;
            }
            Action::List { file } => list(&file, now)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(file: &Path, now: u64) -> Result<()> {
    for key in Keyring::open(file)?.keys(now) {
        let from = Timestamp::from_second(i64::try_from(key.seals_from).unwrap_or(i64::MAX))
            .with_context(|| format!("the keyring {}: key {} seals from no time", file.display(), key.id))?;
        let what = if key.seals {
            "seals and opens"
        } else if key.seals_from > now {
            "opens, seals later"
        } else {
            "opens"
        };
        output::say(format_args!("{}  from {from}  {what}", key.id));
    }
    Ok(())
}
