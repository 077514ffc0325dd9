//! A new project, and what is no project.

use std::fs;

use super::Desk;

#[test]
fn a_vector_that_the_policy_does_not_pass_is_told() {
    let desk = Desk::new();
    let policy = desk.project("wat").join("policy.wat");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replace("(i32.const 600)", "(i32.const 601)")).unwrap();
    desk.well(&["build", "calm"]);
    let (well, said) = desk.reprise(&["test", "calm/calm.wasm", "calm/vectors.toml"]);
    assert!(!well && said.contains("2 of 5 vectors passed"), "{said}");
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
