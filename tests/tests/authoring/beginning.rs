//! A new project builds, would go live, and decides as its vectors say, at once.

use std::fs;

use super::Desk;

/// In this language, and what it leaves.
fn builds_and_passes_its_own_test(language: &str) {
    let desk = Desk::new();
    let project = desk.project(language);
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
