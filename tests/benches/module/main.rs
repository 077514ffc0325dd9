//! What the module costs in nginx: `cargo xtask bench -- module`.
//!
//! Arguments: `[WORD…] [--rounds N] [--seconds S] [--deadline SPAN]`. With words, only those
//! sections are measured whose names have all of them.
//!
//! Each way to keep sessions has an nginx of its own. All of them are measured in turn, round after
//! round, so that what else the machine does meets them alike; ratios are to nginx's own cache in
//! the same round. First come resumed handshakes a second, and the processor time of each, server
//! and agent together; then what requests of other clients wait while look-ups go to Redis.
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

use std::{env, path::Path, process::ExitCode};

use anyhow::Result;
use reprise_tests::built;

use self::arguments::Arguments;

/// Whether what is measured is what users get.
fn as_packages_are(files: [&Path; 2]) -> &'static str {
    // The folder of Cargo's profile that packages are built with.
    if files.iter().all(|file| file.parent().is_some_and(|folder| folder.ends_with("dist"))) {
        "both as packages have them (profile dist)"
    } else {
        "not as packages have them, unless whoever set REPRISE_BIN and REPRISE_MODULE built them so"
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    println!(
        "{}; {} rounds of {:?}, one more to warm up; the module's deadline {}; medians, and ratios to nginx's own cache",
        openssl::version::version(),
        arguments.rounds,
        arguments.turn,
        arguments.deadline,
    );
    let (program, module) = (built::server(), built::module());
    println!("program {}\nmodule  {}", program.display(), module.display());
    println!("{}", as_packages_are([&program, &module]));
    let well = counted::measure(&arguments)? & waits::measure(&arguments)?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
