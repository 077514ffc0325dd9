//! C, and the languages that stand on C's bindings: C++ and Zig. All three are compiled by zig, which brings its own libraries.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use reprise_authoring::bindings;

use super::{
    Language, Policy, sources,
    toolchains::zig,
    world::{self, Bindings, World},
};
use crate::{policies::component, run::run};

/// zig gives a program 16 MiB of stack, as much as a server gives a policy for everything.
const STACK: &str = "-Wl,-z,stack-size=65536";

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let Bindings { folder: bindings, exports } = World::of(policy)?.bindings(policy, bindings::c)?;
    let mut c_files = sdk_sources(policy)?;
    let exports = exports.iter().map(|export| format!("c/src/export_{}.c", export.replace('-', "_")));
    c_files.extend(exports.map(|file| policy.sdk(&file)));
    c_files.push(bindings.join(format!("{}.c", world::NAME)));

    let target = ["-target", "wasm32-wasi", "-O2"];
    let mut objects = objects(policy, &bindings, &target, &c_files, "module")?;
    objects.push(bindings.join(format!("{}_component_type.o", world::NAME)));
    let module = policy.scratch.join("module.wasm");
    let mut link = if policy.language == Language::Zig {
        let mut zig = zig(&policy.root, &["build-exe", "-target", "wasm32-wasi", "-mexec-model=reactor", "-lc"]);
        zig.args(["-OReleaseFast", "-fstrip", "--stack", "65536"]).args(objects);
        with_modules(&mut zig, policy);
        zig.arg(format!("-femit-bin={}", module.display()));
        zig
    } else {
        let mut link = compiler(policy, &bindings, &target);
        link.args(["-s", "-mexec-model=reactor", STACK]).args(own_sources(policy)?).args(objects);
        if policy.language == Language::Cpp {
            link.arg(policy.sdk("cpp/src/runtime.cpp"));
        }
        link.arg("-o").arg(&module);
        link
    };
    run(&mut link)?;
    component(&module)
}

/// The unit tests run natively, with the host's imports as the SDK's testing helpers have them.
pub(super) fn test(policy: &Policy) -> Result<()> {
    let bindings = World::of(policy)?.bindings(policy, bindings::c)?.folder;
    let mut c_files = sdk_sources(policy)?;
    c_files.push(policy.sdk("c/testing/reprise_testing.c"));
    let objects = objects(policy, &bindings, &["-g"], &c_files, "test")?;
    if policy.language == Language::Zig {
        let mut zig = zig(&policy.root, &["test", "-lc"]);
        with_modules(zig.args(objects), policy);
        return run(&mut zig);
    }
    let program = policy.scratch.join("test");
    let mut link = compiler(policy, &bindings, &["-g"]);
    link.args(own_sources(policy)?).arg(policy.folder.join(format!("test.{}", extension(policy.language))));
    run(link.args(objects).arg("-o").arg(&program))?;
    run(&mut Command::new(program))
}

/// The SDK without the exports.
fn sdk_sources(policy: &Policy) -> Result<Vec<PathBuf>> {
    let mut files = sources(&policy.sdk("c/src"), &["c"])?;
    files.retain(|file| !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("export_")));
    Ok(files)
}

/// Compiles C files for what another language's compiler links. `kind` keeps apart those for Wasm and those for here.
fn objects(policy: &Policy, bindings: &Path, target: &[&str], c_files: &[PathBuf], kind: &str) -> Result<Vec<PathBuf>> {
    let mut objects = Vec::new();
    for file in c_files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let object = policy.scratch.join(format!("{name}-{kind}.o"));
        let mut cc = zig(&policy.root, &["cc", "-c", "-std=c17", "-Wall", "-Wextra", "-Werror"]);
        include(&mut cc, policy, bindings);
        run(cc.args(target).arg(file).arg("-o").arg(&object))?;
        objects.push(object);
    }
    Ok(objects)
}

/// The compiler of the policy's own files.
fn compiler(policy: &Policy, bindings: &Path, target: &[&str]) -> Command {
    let mut compiler = match policy.language {
        Language::Cpp => zig(&policy.root, &["c++", "-std=c++20", "-fno-exceptions", "-fno-rtti"]),
        _ => zig(&policy.root, &["cc", "-std=c17"]),
    };
    compiler.args(["-Wall", "-Wextra", "-Werror"]).args(target);
    include(&mut compiler, policy, bindings);
    compiler
}

fn include(compiler: &mut Command, policy: &Policy, bindings: &Path) {
    compiler.arg("-I").arg(bindings);
    for folder in ["c/include", "c/testing", "cpp/include", "cpp/testing"] {
        compiler.arg("-I").arg(policy.sdk(folder));
    }
}

fn own_sources(policy: &Policy) -> Result<Vec<PathBuf>> {
    sources(&policy.folder, &[extension(policy.language)])
}

fn extension(language: Language) -> &'static str {
    if language == Language::Cpp { "cpp" } else { "c" }
}

/// Zig's modules: the policy, and what it may import.
fn with_modules(zig: &mut Command, policy: &Policy) {
    let module = |name: &str, file: PathBuf| format!("-M{name}={}", file.display());
    zig.args(["--dep", "reprise", "--dep", "testing"]).arg(module("root", policy.folder.join("policy.zig")));
    zig.args(["--dep", "c"]).arg(module("reprise", policy.sdk("zig/reprise.zig")));
    zig.args(["--dep", "reprise"]).arg(module("testing", policy.sdk("zig/testing.zig")));
    zig.arg(module("c", policy.sdk("zig/c.zig")));
}
