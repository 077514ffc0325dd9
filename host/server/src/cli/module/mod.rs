//! `reprise module`: the module in servers that nobody rebuilt, which asks an agent.
//!
//! Commands:
//!
//! - `conf`: what such a server's OpenSSL is to load
//! - `enable`, `disable`: the same for a service of systemd's, written and taken back; `afterwards`: what is left to do then
//! - `list`, `check`: how it is
//! - `stand_down`: programs that are left alone for now
//!
//! What they are made of, each on those before it:
//!
//! - `names`: names and paths as they come
//! - `root`: files as they are and as they will be, whose they are, and changing them as a whole
//! - `openssl_cnf`: what OpenSSL is configured with
//! - `service`: a service as systemd and its own configuration have it, and as it runs
//! - `files`: those that make a server load the module

mod afterwards;
mod check;
mod conf;
mod disable;
mod enable;
mod files;
mod list;
mod names;
mod openssl_cnf;
mod root;
mod service;
mod stand_down;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Use Reprise in servers as they are: their OpenSSL loads a module, which asks `reprise agent`.
#[derive(Args)]
pub(super) struct Module {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Subcommand)]
enum Wish {
    /// Have a service load the module, from its next start on
    Enable(enable::Enable),
    /// Take back all that `enable` wrote for a service
    Disable(disable::Disable),
    /// Show which services load the module, and which could
    List(list::List),
    /// Look whether the module works in a service
    Check(check::Check),
    /// Print the openssl.cnf with which a server loads the module
    Conf(conf::Conf),
    /// Have a program left alone from now on, without a restart
    StandDown(stand_down::StandDown),
}

impl Module {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.wish {
            Wish::Enable(enable) => enable.run(),
            Wish::Disable(disable) => disable.run(),
            Wish::List(list) => list.run(),
            Wish::Check(check) => check.run(),
            Wish::Conf(conf) => conf.run(),
            Wish::StandDown(stand_down) => stand_down.run(),
        }
    }
}
