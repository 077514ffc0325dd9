//! Rust: a core module that describes itself.

use std::{env, path::PathBuf};

use anyhow::Result;

use crate::{
    Project, build,
    toolchain::{self, RUST_TARGET},
};

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    let arguments = ["build", "--release", "--target", RUST_TARGET];
    project.run(toolchain::cargo()?.args(arguments), &format!("cargo {}", arguments.join(" ")))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.dir().join("target"), PathBuf::from);
    let module = format!("{}.wasm", project.name().replace('-', "_"));
    build::of_module(&target.join(RUST_TARGET).join("release").join(module))
}
