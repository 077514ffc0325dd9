//! `reprise module`: the module in servers that nobody rebuilt, which asks an agent.
//!
//! - `conf`: what such a server's OpenSSL is to load; `written`: that file; `in_force`: what it loads by itself
//! - `enable`, `disable`: the same for a service of systemd's, written and taken back; `list`, `check`: how it is
//! - `stand_down`: programs that are left alone for now
//! - `files`, `ours`, `plan`: whose files they are, and changing them as a whole; `root`: where they are
//! - `configured`, `processes`: a server that is enabled, as its file says and as it runs
//! - `unit`: what systemd says of a service; `nginx`, `apache`: what these two need beside
//! - `names`: names and paths as they come; `afterwards`: what is left to do

mod afterwards;
mod apache;
mod check;
mod conf;
mod configured;
mod disable;
mod enable;
mod files;
mod in_force;
mod list;
mod names;
mod nginx;
mod ours;
mod plan;
mod processes;
mod root;
mod stand_down;
#[cfg(test)]
mod tests;
mod unit;
mod written;

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
