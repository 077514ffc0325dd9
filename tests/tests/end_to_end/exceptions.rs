//! What an author is told when a policy fails by its language's own means: a panic, an exception, an assertion.
//! (tests/authoring has a mistake in each language.)

use std::process::Command;

use reprise_fixtures::{Callback, DATA, Fixture, wasi};
use reprise_tests::{Place, built};

/// What `reprise check` says of a policy that it must reject, in one line.
fn rejection(module: Vec<u8>) -> String {
    let place = Place::new();
    place.policy("10-failing.wasm", module);
    let file = place.arg("policies/10-failing.wasm");
    let output = Command::new(built::server()).args(["check", &file]).output().expect("the program starts");
    let said = String::from_utf8(output.stdout).expect("what it says is text");
    assert!(!output.status.success() && said.starts_with("rejected: ") && said.contains("policy `failing`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

fn says(module: Vec<u8>, parts: &[&str]) {
    let said = rejection(module);
    parts.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
}

/// WAT that logs all of `message`, which lies at [`DATA`], as an error, as the hook of the Rust SDK does with a panic.
fn log(message: &str) -> String {
    format!("(call $log (i32.const 3) (i32.const {DATA}) (i32.const {}))", message.len())
}

#[test]
fn a_trap_is_told_with_the_functions_that_it_was_in_by_their_names() {
    let items = "(func $look_up_the_tenant (result i32) unreachable)";
    let module = Fixture::default().on(Callback::Get, "(call $look_up_the_tenant)").items(items).build();
    says(module, &["(probe)", "`unreachable`", "look_up_the_tenant", "get-session", "Correct the policy"]);
}

#[test]
fn a_panic_is_told_with_its_message() {
    let message = "panic at src/lib.rs:7:5: index out of bounds: the len is 0 but the index is 3";
    let module = Fixture::default().on(Callback::New, format!("{} unreachable", log(message))).data(message).build();
    says(module, &["(probe)", &format!("it said \"{message}\""), "new-session"]);
}

#[test]
fn a_panic_in_configure_is_told_with_its_message() {
    let message = "panic at src/lib.rs:9:1: no zone";
    let fixture = Fixture::default().no_opinion(Callback::Get).data(message);
    says(fixture.configure(format!("{} unreachable", log(message))).build(), &["(configure)", message]);
}

#[test]
fn what_stands_on_standard_error_is_told_all_on_one_line() {
    let traceback =
        "Traceback (most recent call last):\n  File \"app.py\", line 12, in decide\nKeyError: 'bank.example'\n";
    let length = traceback.len();
    let print = format!("(call $print (call $get_stderr) (i32.const {DATA}) (i32.const {length}) (i32.const 512))");
    let module = wasi::configure(6, &format!("{print} (if (i32.const 1) (then unreachable))"), traceback);
    says(
        module,
        &["(configure)", "it said \"Traceback", "| File \"app.py\", line 12, in decide | KeyError: 'bank.example'\""],
    );
}
