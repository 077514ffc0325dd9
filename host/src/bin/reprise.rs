//! The `reprise` command: `serve`, `check`, `status`, `policies`.

use std::process::ExitCode;

fn main() -> ExitCode {
    reprise::cli::main()
}
