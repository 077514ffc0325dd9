//! C, on the header that the interface makes, by zig, which brings its own libc.

use anyhow::Result;

use super::{MODULE, owned, run, sources, wit};
use crate::{Project, bindings, build, toolchain};

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    let dir = project.dir();
    let mut words = toolchain::zig(dir)?;
    let exports = bindings::c(&wit(project), &super::scratch(project)?)?;
    // The SDK calls what a policy implements, which is what it exports.
    let is_exported = |file: &String| match file.strip_prefix("sdk/src/export_") {
        Some(export) => exports.iter().any(|name| *export == format!("{}.c", name.replace('-', "_"))),
        None => true,
    };
    words.extend(owned(&["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c17", "-O2", "-s"]));
    // Zig's own default is 16 MiB, which is all the memory that a policy has by default.
    words.extend(owned(&["-Wl,-z,stack-size=65536", "-Wall", "-Wextra", "-Ibuild", "-Isdk/include", "-o", MODULE]));
    words.extend(sources(dir, "", "c")?);
    words.extend(sources(dir, "sdk/src/", "c")?.into_iter().filter(is_exported));
    words.extend(owned(&["build/policy.c", "build/policy_component_type.o"]));
    run(project, &words)?;
    build::of_module(&dir.join(MODULE))
}
