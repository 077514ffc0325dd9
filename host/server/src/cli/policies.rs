//! `reprise policies`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{output, status};
use crate::admin::client::Running;

/// Tell a running server what is to become of its policies.
#[derive(Args)]
pub(super) struct Policies {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Subcommand)]
enum Wish {
    /// Rescan the directory: load rejected policies again, retry quarantined ones
    ///
    /// Waits until it is done. The exit status is 1 if anything in the directory is rejected.
    Reload {
        #[command(flatten)]
        server: Running,
    },
    /// Go back to the generation before, until the file changes or a reload
    Rollback {
        /// The policy: its file's name without the number and `.wasm`
        name: String,
        #[command(flatten)]
        server: Running,
    },
    /// Have a policy not called any more, until its file changes, a reload or a rollback
    ///
    /// It counts as failing meanwhile: objecting to every session, or abstaining where its NAME.toml says so.
    Quarantine {
        /// The policy: its file's name without the number and `.wasm`
        name: String,
        #[command(flatten)]
        server: Running,
    },
}

impl Policies {
    pub(super) fn run(self) -> Result<ExitCode> {
        let path = |name: &str, wish: &str| format!("/policies/{}/{wish}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        let (server, path, name) = match self.wish {
            Wish::Reload { server } => (server, "/policies/reload".to_owned(), None),
            Wish::Rollback { name, server } => (server, path(&name, "rollback"), Some(name)),
            Wish::Quarantine { name, server } => (server, path(&name, "quarantine"), Some(name)),
        };
        let status = status::parse(&server.ask(Method::POST, &path)?)?.host;
        let shown = status.policies.iter().filter(|policy| name.as_ref().is_none_or(|name| policy.name == *name));
        for policy in shown {
            output::page(&status::describe(policy, status.now));
        }
        let rejected = name.is_none() && status.policies.iter().any(|policy| policy.rejected.is_some());
        Ok(if rejected { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
