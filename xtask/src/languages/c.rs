//! C, and the languages that stand on C's bindings: C++ and Zig. All three are compiled by zig, which brings its own libraries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{
    Language, Policy, sources,
    toolchains::zig,
    world::{self, World},
};
use crate::{policies::component, run::run};

/// zig gives a program 16 MiB of stack, as much as a server gives a policy for everything.
const STACK: &str = "-Wl,-z,stack-size=65536";

pub(super) fn build(policy: &Policy) -> Result<Vec<u8>> {
    let world = World::of(policy)?;
    let bindings = world.bindings(policy, wit_bindgen_c::Opts::default().build())?;
    let module = policy.scratch.join("module.wasm");
    let exports = world.exports();
    let glue = exports.iter().map(|export| format!("c/src/export_{}.c", export.replace('-', "_")));

    let mut c_files = sdk_sources(policy)?;
    c_files.extend(glue.map(|file| policy.sdk(&file)));
    c_files.push(bindings.join(format!("{}.c", world::NAME)));
    let objects = [bindings.join(format!("{}_component_type.o", world::NAME))];
    let target = ["-target", "wasm32-wasi", "-O2", "-s", "-mexec-model=reactor", STACK];
    compile(policy, &bindings, &target, &c_files, &objects, &module)?;
    component(&module)
}

/// The unit tests run natively, with the host's imports as the SDK's testing helpers have them.
pub(super) fn test(policy: &Policy) -> Result<()> {
    let world = World::of(policy)?;
    let bindings = world.bindings(policy, wit_bindgen_c::Opts::default().build())?;
    let mut c_files = sdk_sources(policy)?;
    c_files.push(policy.sdk("c/testing/reprise_testing.c"));
    let program = policy.scratch.join("test");
    compile(policy, &bindings, &["-g", "-fsanitize=undefined"], &c_files, &[], &program)?;
    run(&mut Command::new(program))
}

/// The SDK without the exports.
fn sdk_sources(policy: &Policy) -> Result<Vec<PathBuf>> {
    let mut files = sources(&policy.sdk("c/src"), &["c"])?;
    files.retain(|file| !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("export_")));
    Ok(files)
}

/// Compiles the C files given and the policy's own, and links everything to `output`. A test is a policy's source too.
fn compile(
    policy: &Policy,
    bindings: &Path,
    target: &[&str],
    c_files: &[PathBuf],
    objects: &[PathBuf],
    output: &Path,
) -> Result<()> {
    let is_test = objects.is_empty();
    let mut objects = objects.to_vec();
    let includes = |command: &mut Command| {
        command.arg("-I").arg(bindings);
        for folder in ["c/include", "c/testing", "cpp/include", "cpp/testing"] {
            command.arg("-I").arg(policy.sdk(folder));
        }
    };
    if policy.language == Language::Cpp {
        // C is not quite a part of C++: each has its compiler.
        for file in c_files {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let object = policy.scratch.join(format!("{name}{}.o", if is_test { "-test" } else { "" }));
            let mut cc = zig(&policy.root, &["cc", "-c", "-std=c17", "-Wall", "-Wextra"]);
            let linking = |argument: &&&str| argument.starts_with("-mexec") || argument.starts_with("-Wl,");
            cc.args(target.iter().filter(|argument| !linking(argument))).arg(file).arg("-o").arg(&object);
            includes(&mut cc);
            run(&mut cc)?;
            objects.push(object);
        }
    }
    let mut command = match policy.language {
        Language::Cpp => zig(&policy.root, &["c++", "-std=c++20", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra"]),
        _ => zig(&policy.root, &["cc", "-std=c17", "-Wall", "-Wextra", "-Werror"]),
    };
    command.args(target);
    includes(&mut command);
    if policy.language != Language::Cpp {
        command.args(c_files);
    }
    let extension = if policy.language == Language::Cpp { "cpp" } else { "c" };
    command.args(sources(&policy.folder, &[extension])?).args(objects);
    if is_test {
        command.arg(policy.folder.join(format!("test.{extension}")));
    }
    let fresh = output.with_extension("new");
    run(command.arg("-o").arg(&fresh))?;
    fs::rename(fresh, output)?;
    Ok(())
}
