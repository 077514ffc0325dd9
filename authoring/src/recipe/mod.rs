//! How each language becomes a component: the commands that its own users would type, each shown before it runs.
//!
//! | language | commands, after the bindings were made |
//! |---|---|
//! | Rust | `cargo build --release --target wasm32-unknown-unknown` |
//! | C | `zig cc -target wasm32-wasi -mexec-model=reactor *.c …` |
//! | C++ | `zig c++ -target wasm32-wasi -mexec-model=reactor *.cpp …` |
//! | Zig | `zig build-exe -target wasm32-wasi -mexec-model=reactor -Mroot=policy.zig …` |
//! | Go | `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath …` |
//! | JavaScript | `componentize-qjs --js build/entry.js …`, which exports what `policy.js` does |
//! | TypeScript | `tsc`, then the same |
//! | Python | `componentize-py componentize policy …` |
//! | WAT | none: the fields of `sdk/*.wat` and `*.wat` become one module |

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod wat;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{Language, Project};

/// What is linked before it becomes a component.
const MODULE: &str = "build/module.wasm";

/// The component.
pub(crate) fn component(project: &Project, language: Language) -> Result<Vec<u8>> {
    match language {
        Language::Rust => rust::component(project),
        Language::C => c::component(project),
        Language::Cpp => c::component_of_cpp(project),
        Language::Zig => c::component_of_zig(project),
        Language::Go => go::component(project),
        Language::JavaScript => javascript::component(project),
        Language::TypeScript => javascript::component_of_typescript(project),
        Language::Python => python::component(project),
        Language::Wat => wat::component_of_text(project),
    }
}

/// What a policy exports, and the interface.
fn wit(project: &Project) -> PathBuf {
    project.dir().join("wit")
}

/// Makes the folder that a build may write to.
fn scratch(project: &Project) -> Result<PathBuf> {
    let folder = project.dir().join("build");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// Runs the program that `words` begin with, in the project's folder.
fn run(project: &Project, words: &[String]) -> Result<()> {
    // As one would type it there.
    let here = format!("{}/", std::path::absolute(project.dir())?.display());
    project.run(Command::new(&words[0]).args(&words[1..]), &words.join(" ").replace(&here, ""))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The files with this extension in a folder of the project, as paths from there, by name; without its unit tests.
fn sources(dir: &Path, folder: &str, extension: &str) -> Result<Vec<String>> {
    let within = dir.join(folder);
    let entries = fs::read_dir(&within).with_context(|| format!("{} cannot be read", within.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.') && stem != "test."))
        .collect();
    names.sort();
    Ok(names.into_iter().map(|name| format!("{folder}{name}")).collect())
}
