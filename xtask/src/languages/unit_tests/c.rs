//! C, and the languages that stand on its SDK: C++ and Zig. Warnings are errors here, as they are
//! not in an author's build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use reprise_authoring::Language;

use super::super::{emptied, policy::Policy, toolchains};
use crate::run::{output, run as run_command};

pub(super) fn run(policy: &Policy) -> Result<()> {
    let project = policy.project();
    let scratch = emptied(project.join("build/test"))?;
    let mut objects = Vec::new();
    for file in sdk_sources(&project)? {
        let object = scratch.join(file.file_stem().unwrap_or_default()).with_extension("o");
        let mut cc = if policy.language == Language::Cpp { compiler(policy, "cc") } else { zig(policy, &["cc"]) };
        run_command(including(cc.args(["-c", "-std=c17"])).arg(file).arg("-o").arg(&object))?;
        objects.push(object);
    }
    if policy.language == Language::Zig {
        let mut zig = zig(policy, &["test", "-lc"]);
        return run_command(with_modules(zig.args(objects)));
    }
    let program = scratch.join("test");
    let (mut compiler, extension) = match policy.language {
        Language::Cpp => (compiler(policy, "c++"), "cpp"),
        _ => (zig(policy, &["cc", "-std=c17"]), "c"),
    };
    if policy.language == Language::Cpp {
        compiler.args(["-std=c++20", "-fno-exceptions", "-fno-rtti"]);
    }
    including(&mut compiler).args(files(&project, extension)?).args(objects).arg("-o").arg(&program);
    run_command(&mut compiler)?;
    run_command(&mut Command::new(program))
}

/// The system's compiler, `cc` or `c++`, which has its C++ library compiled: zig's compiles one first, for a minute and more. It is another
/// one than policies are compiled with, so that the SDK is read by two; what zig's looks at by itself while it runs, it does, too.
fn compiler(policy: &Policy, name: &str) -> Command {
    match output("c++", &["--version"]) {
        Some(_) => {
            let mut compiler = Command::new(name);
            compiler.args(["-fsanitize=undefined", "-fno-sanitize=vptr", "-fno-sanitize-recover=all"]);
            compiler.current_dir(policy.project());
            compiler
        }
        None => zig(policy, &[name]),
    }
}

fn zig(policy: &Policy, arguments: &[&str]) -> Command {
    let mut zig = toolchains::zig(&policy.root);
    zig.args(arguments).envs(toolchains::environment(&policy.root)).current_dir(policy.project());
    zig
}

fn including(compiler: &mut Command) -> &mut Command {
    compiler.args(["-g", "-Wall", "-Wextra", "-Werror", "-Ibuild", "-Isdk/include", "-Isdk/testing"])
}

/// The SDK's C without the exports, which call what a policy may not have, and with what stands in for the host.
fn sdk_sources(project: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = files(&project.join("sdk/src"), "c")?;
    sources.retain(|file| !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("export_")));
    sources.push(project.join("sdk/testing/reprise_testing.c"));
    Ok(sources)
}

/// The files with this extension in a folder, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}

/// Zig's modules: the policy, and what it may import.
fn with_modules(zig: &mut Command) -> &mut Command {
    zig.args(["--dep", "reprise", "--dep", "testing", "-Mroot=policy.zig"]);
    zig.args(["--dep", "c", "-Mreprise=sdk/reprise.zig", "--dep", "reprise", "-Mtesting=sdk/testing.zig"]);
    zig.arg("-Mc=sdk/c.zig")
}
