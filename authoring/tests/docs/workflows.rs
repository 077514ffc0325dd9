//! The workflows run what .ci/run and `cargo xtask` have, and every fuzz target.

use std::collections::BTreeSet;

use crate::{files, read, workspace};

#[test]
fn every_fuzz_target_runs_at_night() {
    let nightly = read(&workspace(".github/workflows/nightly.yml"));
    let (_, matrix) = nightly.split_once("        target:\n").expect("the targets are listed");
    let listed = matrix.lines().map_while(|line| line.trim().strip_prefix("- ")).map(str::to_owned);
    let targets = files(&workspace("fuzz/fuzz_targets"), ".rs");
    let targets = targets.iter().map(|target| target.file_stem().unwrap().to_string_lossy().into_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), targets.collect::<BTreeSet<_>>());
}

#[test]
fn workflows_run_commands_that_there_are() {
    let help = read(&workspace("xtask/src/invocation.rs"));
    let mut commands = 0;
    for workflow in files(&workspace(".github/workflows"), ".yml") {
        let text = read(&workflow);
        for command in text.lines().filter_map(|line| line.trim().strip_prefix("- run: cargo xtask ")) {
            let name = command.split(' ').next().unwrap();
            assert!(help.contains(&format!("(\"{name}\", [")), "{}: `cargo xtask {name}`", workflow.display());
            commands += 1;
        }
    }
    assert!(commands > 2);
    assert!(read(&workspace(".github/workflows/check.yml")).contains("- run: .ci/run"));
}

/// One Rust: the lowest that the crates compile with is the one that CI has.
#[test]
fn workflows_use_the_rust_that_cargo_toml_names() {
    let manifest = read(&workspace("Cargo.toml"));
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let version = version.split('"').next().unwrap();
    for workflow in files(&workspace(".github/workflows"), ".yml") {
        for image in read(&workflow).split("rust:").skip(1) {
            assert!(image.starts_with(&format!("{version}-")), "{}: another Rust", workflow.display());
        }
    }
}
