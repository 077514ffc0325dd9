//! The `reprise` command: see [`reprise_server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    reprise_server::cli::main()
}
