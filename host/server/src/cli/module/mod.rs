//! `reprise module`: the module in servers that nobody rebuilt, which asks an agent.
//!
//! - `conf`: what such a server's OpenSSL is to load
//! - `stand_down`: programs that are left alone for now
//! - `in_force`: what it loads by itself

mod conf;
mod in_force;
mod stand_down;

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
    /// Print the openssl.cnf with which a server loads the module
    Conf(conf::Conf),
    /// Have a program left alone from now on, without a restart
    StandDown(stand_down::StandDown),
}

impl Module {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.wish {
            Wish::Conf(conf) => conf.run(),
            Wish::StandDown(stand_down) => stand_down.run(),
        }
    }
}
