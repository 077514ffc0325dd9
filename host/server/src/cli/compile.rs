//! `reprise compile-policy`: what this program starts itself with, to compile a policy in a process of its own.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use reprise_policy::policy::{Compiler, compile_for_parent};

use super::core_dumps;

const COMMAND: &str = "compile-policy";

/// Compile a policy for the process that started this one
#[derive(Args)]
pub(super) struct Compile {}

impl Compile {
    pub(super) fn run(self) -> Result<ExitCode> {
        core_dumps::forbid()?;
        Ok(compile_for_parent())
    }
}

/// This program as a compiler.
pub(super) fn compiler() -> Result<Compiler> {
    Compiler::this_program([COMMAND]).context("this program's own file, to compile policies with, is not known")
}
