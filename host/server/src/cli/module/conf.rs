//! `reprise module conf`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::{
    names::Program,
    openssl_cnf::{
        in_force::InForce,
        written::{Places, Written, agent_user},
    },
    root::Root,
};
use crate::cli::output;

/// Print the openssl.cnf with which a server loads the module.
///
/// It stands on the file that is in force now, OPENSSL_CONF or the system's, whose settings go on to hold. Give it to the server, and to
/// nothing else, by its environment:
///
///   reprise module conf --program nginx > /etc/reprise/nginx.cnf
///   OPENSSL_CONF=/etc/reprise/nginx.cnf nginx
///
/// `reprise module enable` does that for a service of systemd's. Where the file is missing later, OpenSSL says nothing, and the
/// system's settings do not hold for that server.
#[derive(Args)]
pub(super) struct Conf {
    /// The server's name, under which the agent knows it
    #[arg(long, value_name = "NAME")]
    program: Program,

    #[command(flatten)]
    places: Places,

    /// Look on, and change nothing: who resumes is counted, with reasons
    #[arg(long)]
    observe: bool,
}

impl Conf {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { program, places, observe } = self;
        let written = Written { program, places, observe, agent: agent_user(&Root::machine()) };
        output::page(&written.text(&InForce::of_this_machine()?)?);
        Ok(ExitCode::SUCCESS)
    }
}
