//! `cargo xtask`: builds xtask as a part of the workspace, and runs it.
//!
//! `cargo run --package xtask` would compile what xtask depends on with the features that xtask alone asks for, and all of
//! that once more with the workspace's: four minutes on a bare machine. This one depends on nothing.

#![forbid(unsafe_code)]

use std::{
    env,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    let target = root.join("target");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--release", "--workspace", "--bin", "xtask", "--target-dir"]).arg(&target).current_dir(root);
    match build.status() {
        Ok(built) if built.success() => {}
        // Cargo has said why.
        Ok(_) => return ExitCode::FAILURE,
        Err(error) => return failed(&format!("cargo could not be started: {error}")),
    }
    let xtask = target.join("release/xtask");
    let error = Command::new(&xtask).args(env::args_os().skip(1)).exec();
    failed(&format!("{} could not be started: {error}", xtask.display()))
}

fn failed(why: &str) -> ExitCode {
    eprintln!("xtask: {why}");
    ExitCode::FAILURE
}
