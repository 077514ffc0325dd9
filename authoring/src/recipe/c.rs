//! C, C++ and Zig, on the header that the interface makes, by zig, which brings its own libraries for C.

use std::path::Path;

use anyhow::Result;

use super::{MODULE, owned, run, sources, wit};
use crate::{Project, bindings, build, toolchain};

/// Zig's own default is 16 MiB, which is all the memory that a policy has by default.
const STACK: &str = "65536";

/// With optimisation zig leaves assertions out: a policy's are there to be kept.
const ASSERTIONS: &str = "-UNDEBUG";

const TARGET: [&str; 5] = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-Ibuild", "-Isdk/include"];

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    let mut words = toolchain::zig(project.dir())?;
    let c_files = c_files(project)?;
    words.extend(owned(&["cc", "-std=c17", "-O2", ASSERTIONS, "-Wall", "-Wextra", "-o", MODULE]));
    words.push(format!("-Wl,-z,stack-size={STACK}"));
    words.extend(owned(&TARGET));
    words.extend(sources(project.dir(), "", "c")?);
    words.extend(c_files);
    words.extend(owned(&["build/policy_component_type.o"]));
    run(project, &words)?;
    build::of_module(&project.dir().join(MODULE))
}

/// C is not quite a part of C++: each is compiled as what it is.
pub(super) fn component_of_cpp(project: &Project) -> Result<Vec<u8>> {
    let zig = toolchain::zig(project.dir())?;
    let mut objects = Vec::new();
    for file in c_files(project)? {
        let stem = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let object = format!("build/{stem}.o");
        let mut words = zig.clone();
        words.extend(owned(&["cc", "-c", "-std=c17", "-O2", "-o", &object, &file]));
        words.extend(owned(&TARGET).into_iter().filter(|option| !option.starts_with("-mexec")));
        run(project, &words)?;
        objects.push(object);
    }
    let mut words = zig;
    words.extend(owned(&["c++", "-std=c++20", "-fno-exceptions", "-fno-rtti", "-O2", ASSERTIONS, "-Wall", "-Wextra"]));
    words.extend(owned(&["-o", MODULE, &format!("-Wl,-z,stack-size={STACK}")]));
    words.extend(owned(&TARGET));
    words.extend(sources(project.dir(), "", "cpp")?);
    words.extend(sources(project.dir(), "sdk/src/", "cpp")?);
    words.extend(objects);
    words.extend(owned(&["build/policy_component_type.o"]));
    run(project, &words)?;
    build::of_module(&project.dir().join(MODULE))
}

pub(super) fn component_of_zig(project: &Project) -> Result<Vec<u8>> {
    let mut words = toolchain::zig(project.dir())?;
    let c_files = c_files(project)?;
    words.extend(owned(&[
        "build-exe",
        "-fno-entry",
        "-rdynamic",
        "-OReleaseSafe",
        "-fno-strip",
        "-fno-stack-protector",
        "-lc",
        "--stack",
        STACK,
    ]));
    words.extend(owned(&TARGET));
    // What stands before a module's root belongs to it.
    words.extend(c_files);
    words.extend(owned(&["build/policy_component_type.o"]));
    words.extend(owned(&["--dep", "reprise", "-Mroot=policy.zig", "--dep", "c", "-Mreprise=sdk/reprise.zig"]));
    words.extend(owned(&["-Mc=sdk/c.zig", &format!("-femit-bin={MODULE}")]));
    run(project, &words)?;
    build::of_module(&project.dir().join(MODULE))
}

/// The bindings, which this makes, and the SDK. It calls what a policy implements, which is what it exports.
fn c_files(project: &Project) -> Result<Vec<String>> {
    let exports = bindings::c(&wit(project), &super::scratch(project)?)?;
    let mut files = sources(project.dir(), "sdk/src/", "c")?;
    files.retain(|file| match file.strip_prefix("sdk/src/export_") {
        Some(export) => exports.iter().any(|name| *export == format!("{}.c", name.replace('-', "_"))),
        None => true,
    });
    files.push("build/policy.c".into());
    Ok(files)
}
