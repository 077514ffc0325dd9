//! What a suite says of policies that do, and do not, what it asks.

use std::path::Path;

use reprise_fixtures::{Callback, Fixture, policies};

use super::*;
use crate::policy::{Runtime, RuntimeOptions};

const THREE: &str = r#"
    [[vector]]
    name = "new"
    calls = [{ call = "new-session", verdict = "keep" }]

    [[vector]]
    name = "get"
    calls = [
      { call = "get-session", verdict = "resume" },
      { call = "get-session", connection.early-data = true, verdict = "resume" },
    ]

    [[vector]]
    name = "remove"
    calls = [
      { call = "remove-session", why = "evicted", verdict = "host-default" },
      { call = "remove-session", session = "gone", why = "unknown", verdict = "host-default" },
    ]
"#;

fn failures(module: &[u8], suite: &str) -> Vec<(String, String)> {
    let runtime = Runtime::new(RuntimeOptions { policies: 1, ..RuntimeOptions::default() }).unwrap();
    let manifest = Manifest::default();
    let suite = Suite::parse(suite).unwrap();
    let subject = Subject { file: Path::new("10-a.wasm"), module, manifest: &manifest };
    let outcomes = suite.run(&runtime, subject);
    outcomes.filter_map(|outcome| Some((outcome.vector, outcome.failure?))).collect()
}

fn wrong(text: &str) -> String {
    Suite::parse(text).unwrap_err().to_string()
}

#[test]
fn a_policy_that_answers_as_expected_passes() {
    assert_eq!(failures(&policies::no_opinion(), THREE), []);
}

#[test]
fn a_callback_that_is_not_exported_has_no_opinion() {
    assert_eq!(failures(&policies::get_only(), THREE), []);
}

#[test]
fn another_verdict_is_told_with_its_call_and_with_what_was_expected() {
    for (module, vector, failure) in [
        (policies::refuse_new(), "new", "call 1 (new-session): expected keep; found refuse"),
        (policies::refuse_get(), "get", "call 1 (get-session): expected resume; found full-handshake"),
        (policies::forget_on_remove(), "remove", "call 1 (remove-session): expected host-default; found forget"),
    ] {
        assert_eq!(failures(&module, THREE), [(vector.to_owned(), failure.to_owned())]);
    }
}

#[test]
fn terms_are_expected_to_be_the_ones_given_and_no_more() {
    let suite = r#"
        [[vector]]
        name = "terms"
        calls = [{ call = "new-session", verdict = "keep", terms.lifetime = 600 }]
    "#;
    let found = failures(&policies::lying(), suite);
    assert_eq!(
        found[0].1,
        "call 1 (new-session): expected keep with lifetime 600; found keep with lifetime 4294967295, single-use false, \
         reach fleet, priority high"
    );
}

#[test]
fn a_failed_call_passes_for_no_verdict() {
    let traps = Fixture::default().once_live(Callback::Get, "unreachable").build();
    for verdict in ["resume", "resume-without-early-data", "full-handshake"] {
        let suite =
            format!("[[vector]]\nname = \"x\"\ncalls = [{{ call = \"get-session\", verdict = \"{verdict}\" }}]");
        let found = failures(&traps, &suite);
        assert!(found[0].1.contains("found a failed call (trap)"), "{found:?}");
    }
}

#[test]
fn settings_that_are_taken_where_an_error_is_expected_fail_the_vector() {
    let found = failures(&policies::no_opinion(), "[[vector]]\nname = \"x\"\nrejected = \"no\"");
    assert_eq!(found[0].1, "expected settings to be rejected with \"no\"; found that they are taken");
}

#[test]
fn a_module_that_does_not_load_fails_every_vector_with_the_reason() {
    let found = failures(b"garbage", THREE);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|(_, failure)| failure.contains("10-a.wasm")), "{found:?}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_the_vector_and_the_call() {
    let vector = |rest: &str| format!("[[vector]]\nname = \"x\"\n{rest}");
    for (text, words) in [
        (String::new(), &["at least one [[vector]]"][..]),
        (vector(""), &["vector `x`", "`calls` or `rejected`"]),
        (vector("calls = [{ call = \"get-session\", verdict = \"keep\" }]"), &["`x`: call 1", "`keep`", "`resume`"]),
        (
            vector("calls = [{ call = \"get-session\", verdict = \"resume\", connection.pear = \"\" }]"),
            &["call 1", "`connection`", "pear", "peer"],
        ),
        (
            vector("calls = [{ call = \"get-session\", verdict = \"resume\", session.note = \"no\" }]"),
            &["`session.note`", "hexadecimal", "`no`"],
        ),
        (
            vector("calls = [{ call = \"get-session\", verdict = \"resume\", terms.lifetime = 1 }]"),
            &["only what is kept"],
        ),
        (vector("calls = [{ call = \"remove-session\", verdict = \"forget\" }]"), &["`why`"]),
        (vector("calls = [{ call = \"get-session\", session = \"gone\", verdict = \"resume\" }]"), &["`gone`"]),
        (format!("{0}rejected = \"a\"\n{0}rejected = \"b\"", vector("")), &["two vectors", "`x`"]),
        ("[session]\nid = \"00\"\n[[vector]]\nname = \"x\"\nrejected = \"a\"".into(), &["`session.id`", "32 bytes"]),
    ] {
        let error = wrong(&text);
        assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
    }
}
