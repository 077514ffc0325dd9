//! A new project builds, would go live, and decides as its vectors say, at once.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::{Desk, toolchains};

/// In this language.
fn builds_and_passes_its_own_test(language: &str) {
    builds_and_passes_its_own_test_with(language, |_| {});
}

/// In this language, once its packages are installed.
fn builds_and_passes_its_own_test_with(language: &str, install: impl FnOnce(&Path)) {
    let desk = Desk::new();
    let project = desk.project(language);
    install(&project);
    assert!(fs::read_to_string(project.join("README.md")).unwrap().lines().count() <= 10);
    desk.well(&["build", "calm"]);
    let said = desk.well(&["check", "calm/calm.wasm"]);
    assert!(said.contains("policy `calm`"), "{said}");
    let said = desk.well(&["test", "calm/calm.wasm", "calm/vectors.toml"]);
    assert!(said.contains("3 of 3 vectors passed"), "{said}");
}

#[test]
fn a_project_in_webassembly_text_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("wat");
}

#[test]
fn a_project_in_rust_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("rust");
}

#[test]
fn a_project_in_c_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("c");
}

#[test]
fn a_project_in_cpp_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("cpp");
}

#[test]
fn a_project_in_zig_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("zig");
}

#[test]
fn a_project_in_go_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("go");
}

#[test]
fn a_project_in_python_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test("python");
}

#[test]
fn a_project_in_javascript_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test_with("javascript", install_node_packages);
}

#[test]
fn a_project_in_typescript_builds_and_passes_its_own_test() {
    builds_and_passes_its_own_test_with("typescript", install_node_packages);
}

/// What `npm install` does, of what is here.
fn install_node_packages(project: &Path) {
    let (modules, there) = (project.join("node_modules"), toolchains("node/node_modules"));
    fs::create_dir_all(modules.join("@reprise")).unwrap();
    symlink("../../sdk", modules.join("@reprise/sdk")).unwrap();
    for entry in fs::read_dir(&there).unwrap_or_else(|error| panic!("{}: {error}", there.display())) {
        let entry = entry.unwrap();
        symlink(entry.path(), modules.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_vector_that_the_policy_does_not_pass_is_told() {
    let desk = Desk::new();
    let policy = desk.project("wat").join("policy.wat");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replace("(i32.const 600)", "(i32.const 601)")).unwrap();
    desk.well(&["build", "calm"]);
    let (well, said) = desk.reprise(&["test", "calm/calm.wasm", "calm/vectors.toml"]);
    assert!(!well && said.contains("1 of 3 vectors passed"), "{said}");
}

#[test]
fn what_is_there_and_what_is_no_name_or_language_is_refused_in_words() {
    let desk = Desk::new();
    fs::create_dir(desk.path("calm")).unwrap();
    for (arguments, words) in [
        (&["new", "calm", "--lang", "wat"][..], "is there already"),
        (&["new", "Calm", "--lang", "wat"], "lower-case letters"),
        (&["new", "still", "--lang", "cobol"], "expected one of rust"),
        (&["build", "calm"], "reprise new NAME"),
        (&["dev", "calm"], "reprise new NAME"),
    ] {
        let (well, said) = desk.reprise(arguments);
        assert!(!well && said.contains(words), "{arguments:?}: {said}");
    }
    assert!(!desk.path("still").exists() && !desk.path("Calm").exists());
}

#[test]
fn a_project_may_be_put_anywhere() {
    let desk = Desk::new();
    desk.well(&["new", "calm", "--lang", "wat", "--dir", "elsewhere"]);
    desk.well(&["build", "elsewhere"]);
    assert!(desk.path("elsewhere/calm.wasm").exists());
}
