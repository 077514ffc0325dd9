//! `reprise module stand-down`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use hyper::Method;

use super::super::{output, status};
use crate::admin::{client::Running, programs::Wish};

/// Have a program's handshakes left alone from now on, without a restart.
///
/// They are what they would be without the module: the program's own callbacks and cache are back in use. It holds until it is taken
/// back by `--undo`, also when the agent starts again. A process hears of it at its next look-up, which is answered with a full handshake.
/// `reprise module disable` takes the module out for good.
#[derive(Args)]
pub(super) struct StandDown {
    /// The program, as `reprise status` names it [default: all]
    name: Option<String>,

    /// Take it back: the program is decided about again, within a second
    #[arg(long)]
    undo: bool,

    #[command(flatten)]
    agent: Running,
}

impl StandDown {
    pub(super) fn run(self) -> Result<ExitCode> {
        let wish = Wish { program: self.name, stand_down: !self.undo };
        let status = status::parse(&self.agent.ask(Method::POST, &wish.path())?)?;
        output::page(&status::programs(&status));
        Ok(ExitCode::SUCCESS)
    }
}
