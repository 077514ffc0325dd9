//! What the module costs in nginx: `cargo xtask bench -- module [WORD…] [--rounds N] [--seconds S]`.
//!
//! Whoever may keep an nginx's sessions does so in a server of its own, and all are measured in turn, round after round, so that
//! what else the machine is doing meets all of them alike; ratios are to nginx's own cache in the same round. Counted are resumed
//! handshakes a second, and the processor time that server and agent took for each. Then it is measured what other clients'
//! requests wait on a worker whose look-ups go to Redis. With words, only the sections are measured whose names have all of them.
//!
//! # Layout
//!
//! - `counted`, `waits`: what is measured, and its tables
//! - `turn`: one server under load
//! - `server`, `agent`, `keeper`: the servers, with what keeps their sessions
//! - `load`: the clients that resume
//! - `placement`: which core runs what; `spent`: processor time of other processes
//! - `arguments`, `figures`: the command line; medians

mod agent;
mod arguments;
mod counted;
mod figures;
mod keeper;
mod load;
mod placement;
mod server;
mod spent;
mod turn;
mod waits;

use std::{env, process::ExitCode};

use anyhow::Result;
use reprise_tests::built;

use self::arguments::Arguments;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    println!(
        "{}; {} rounds of {:?}, and one before to warm up; medians, and ratios to nginx's own cache in the same round",
        openssl::version::version(),
        arguments.rounds,
        arguments.turn,
    );
    println!("program {}\nmodule  {}", built::server().display(), built::module().display());
    let well = counted::measure(&arguments)? & waits::measure(&arguments)?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
