//! How each language becomes a component: the commands that its own users would type.
//!
//! | language | commands |
//! |---|---|
//! | Rust | `cargo build --release --target wasm32-unknown-unknown` |
//! | C | (bindings to `build/`) `zig cc -target wasm32-wasi -mexec-model=reactor *.c …` |
//! | WAT | none: the text is read as it is |

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    Language, Project, bindings,
    build::{of_module, run},
    component::component_of_text,
    toolchain::{self, RUST_TARGET},
};

/// The component.
pub(crate) fn build(project: &Project, language: Language) -> Result<Vec<u8>> {
    match language {
        Language::Rust => rust(project),
        Language::C => c(project),
        Language::Wat => wat(project),
    }
}

fn rust(project: &Project) -> Result<Vec<u8>> {
    let arguments = ["build", "--release", "--target", RUST_TARGET];
    run(project.dir(), toolchain::cargo()?.args(arguments), &format!("cargo {}", arguments.join(" ")))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.dir().join("target"), PathBuf::from);
    of_module(&target.join(RUST_TARGET).join("release").join(format!("{}.wasm", project.name().replace('-', "_"))))
}

fn c(project: &Project) -> Result<Vec<u8>> {
    let dir = project.dir();
    let zig = toolchain::zig(dir)?;
    eprintln!("bindings of wit/ to build/");
    let exports = bindings::c(&dir.join("wit"), &dir.join("build"))?;
    // The SDK calls what a policy implements, which is what it exports.
    let is_exported = |file: &String| match file.strip_prefix("sdk/src/export_") {
        Some(export) => exports.iter().any(|name| *export == format!("{}.c", name.replace('-', "_"))),
        None => true,
    };
    let mut words = zig;
    let options = ["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c17", "-O2", "-s", "-Wall", "-Wextra"];
    words.extend(options.map(str::to_owned));
    // Zig's own default is 16 MiB, which is all the memory that a policy has by default.
    words.extend(["-Wl,-z,stack-size=65536", "-Ibuild", "-Isdk/include", "-o", "build/module.wasm"].map(str::to_owned));
    words.extend(sources(dir, "", "c")?);
    words.extend(sources(dir, "sdk/src/", "c")?.into_iter().filter(is_exported));
    words.extend(["build/policy.c", "build/policy_component_type.o"].map(str::to_owned));
    run(dir, Command::new(&words[0]).args(&words[1..]), &words.join(" "))?;
    of_module(&dir.join("build/module.wasm"))
}

fn wat(project: &Project) -> Result<Vec<u8>> {
    component_of_text(&project.dir().join("policy.wat"), &project.dir().join("wit"))
}

/// The files with this extension in a folder of the project, as paths from there, by name.
fn sources(dir: &Path, folder: &str, extension: &str) -> Result<Vec<String>> {
    let within = dir.join(folder);
    let entries = fs::read_dir(&within).with_context(|| format!("{} cannot be read", within.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.'))).collect();
    names.sort();
    Ok(names.into_iter().map(|name| format!("{folder}{name}")).collect())
}
