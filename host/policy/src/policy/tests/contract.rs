//! Candidates that do not become policies, and what the operator reads.

use reprise_fixtures::{Callback, Fixture, component, component_of_foreign_world, component_of_world, policies};

use super::*;
use crate::policy::Step;

/// What is said when `module` is rejected, which must be at `step` and name the file and the policy.
fn rejection(module: &[u8], step: Step) -> String {
    rejection_with(module, "", step)
}

fn rejection_with(module: &[u8], manifest: &str, step: Step) -> String {
    // A short start, since some of these never return.
    let runtime = runtime_with(|options| options.start = Duration::from_millis(200));
    let rejection = load(&runtime, "candidate", module, manifest).unwrap_err();
    assert_eq!(rejection.step, step, "{rejection}");
    let text = rejection.to_string();
    assert!(text.starts_with("policies/10-candidate.wasm: policy `candidate` rejected"), "{text}");
    text
}

const MEMORY: &str = r#"(memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#;

#[test]
fn a_component_with_none_of_the_callbacks_is_rejected_by_name() {
    let text = rejection(&policies::none_of_the_callbacks(), Step::Link);
    for part in ["`candidate`", "`new-session`", "`get-session`", "`remove-session`", "settings@0.1.0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_core_module_that_does_not_say_what_it_is_for_is_rejected_saying_how_to_build_it() {
    let text = rejection(b"\0asm\x01\0\0\0", Step::Componentize);
    for part in ["found a core module without", "`component-type…`", "wit-bindgen", "wasm-tools component embed"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_is_not_wasm_is_rejected_saying_what_it_looks_like() {
    assert!(rejection(b"#!/bin/sh\necho", Step::Componentize).contains("begin with \"#!/bin/s\""));
    assert!(rejection(b"", Step::Componentize).contains("an empty file"));
    assert!(rejection(b"\0asm\xff\0\0\0", Step::Componentize).contains("unknown version"));
}

#[test]
fn a_component_cut_short_is_rejected_wherever_it_was_cut() {
    let runtime = runtime();
    let whole = policies::no_opinion();
    for length in (0..whole.len()).step_by(97) {
        let rejection = load(&runtime, "cut", &whole[..length], "").unwrap_err();
        // Cut at the end of a section it is a component still, but one without the callbacks.
        let expected = [Step::Componentize, Step::Compile, Step::Link];
        assert!(expected.contains(&rejection.step), "{length}: {rejection}");
    }
}

#[test]
fn an_unknown_import_is_rejected_naming_it() {
    let core = format!(
        r#"(module (import "test:fixture/network" "send" (func $send)) {MEMORY}
          (func (export "reprise:session-cache/get-session@0.1.0#decide") (param i32) (result i32)
            (call $send) (i32.const 0)))"#
    );
    let wit = "package test:fixture; interface network { send: func(); }
               world fixture { import network; export reprise:session-cache/get-session@0.1.0; }";
    let text = rejection(&component_of_world(&core, wit).unwrap(), Step::Link);
    assert!(text.contains("found `test:fixture/network`") && text.contains("state@0.1.0"), "{text}");
}

#[test]
fn an_unknown_function_of_a_known_import_is_rejected_naming_it() {
    let text = rejection(&component_with_import("reprise:session-cache/state@0.1.0", "compare-and-swap"), Step::Link);
    assert!(text.contains("`compare-and-swap`") && text.contains("`increment`"), "{text}");
}

#[test]
fn an_import_of_another_type_is_rejected() {
    let text = rejection(&component_with_import("reprise:session-cache/state@0.1.0", "get"), Step::Link);
    assert!(text.contains("state") && text.contains("get"), "{text}");
}

/// A component that imports the function `function`, which takes and gives nothing, from `interface`.
fn component_with_import(interface: &str, function: &str) -> Vec<u8> {
    wat::parse_str(format!(r#"(component (import "{interface}" (instance (export "{function}" (func)))))"#)).unwrap()
}

#[test]
fn another_version_of_the_interface_is_rejected_with_both_versions() {
    for version in ["0.2.0", "1.0.0", "0.1.1-rc.1", "0.10.0"] {
        let text =
            rejection(&component_with_import(&format!("reprise:session-cache/state@{version}"), "get"), Step::Link);
        assert!(text.contains("version 0.1.0") && text.contains(&format!("version {version}")), "{text}");
        let export = format!(
            r#"(component (instance $none) (export "reprise:session-cache/get-session@{version}" (instance $none)))"#
        );
        let text = rejection(&wat::parse_str(export).unwrap(), Step::Link);
        assert!(text.contains("version 0.1.0") && text.contains(&format!("version {version}")), "{text}");
        assert!(text.contains("run a host that speaks its version"), "{text}");
    }
}

#[test]
fn a_function_that_came_with_a_later_0_1_is_named_with_its_version() {
    let text = rejection(&component_with_import("reprise:session-cache/state@0.1.7", "compare-and-swap"), Step::Link);
    assert!(text.contains("`compare-and-swap`") && text.contains("Run a host that speaks version 0.1.7"), "{text}");
}

#[test]
fn an_export_of_the_wrong_type_is_rejected_with_both_types_in_words() {
    let core = format!(
        r#"(module {MEMORY}
          (func (export "reprise:session-cache/get-session@0.1.0#decide") (param i32 i32 i32) (result i32)
            (i32.const 0)))"#
    );
    let wit = "package reprise:session-cache@0.1.0;
        interface types { record connection { name: string, early: bool } enum get-verdict { yes, no } }
        interface get-session { use types.{connection, get-verdict}; decide: func(c: connection) -> get-verdict; }
        world fixture { export get-session; }";
    let text = rejection(&component_of_foreign_world(&core, wit, "fixture").unwrap(), Step::Link);
    for part in [
        "`get-session` to have `decide: func(connection: connection, candidate: session) -> get-verdict`",
        "`decide: func(c: record { name, early }) -> enum { yes, no }`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_export_without_its_function_is_rejected_naming_it() {
    let export = r#"(component (instance $none) (export "reprise:session-cache/get-session@0.1.0" (instance $none)))"#;
    let text = rejection(&wat::parse_str(export).unwrap(), Step::Link);
    assert!(text.contains("`decide: func(") && text.contains("no function `decide`"), "{text}");
}

#[test]
fn a_misspelt_export_is_rejected_naming_the_known_ones() {
    let export = r#"(component (instance $none) (export "reprise:session-cache/got-session@0.1.0" (instance $none)))"#;
    let text = rejection(&wat::parse_str(export).unwrap(), Step::Link);
    assert!(text.contains("`got-session@0.1.0`") && text.contains("`get-session`"), "{text}");
}

#[test]
fn settings_that_configure_refuses_reject_the_policy_with_its_message() {
    let module = policies::note_from_settings("zone: expected a name, found none");
    let text = rejection(&module, Step::Configure);
    assert!(text.contains("zone: expected a name, found none") && text.contains("NAME.toml"), "{text}");
}

#[test]
fn a_configure_that_traps_or_never_returns_rejects_the_policy() {
    for body in ["unreachable", "(loop $forever (br $forever)) unreachable"] {
        let module = Fixture::default().no_opinion(Callback::Get).configure(body).build();
        rejection(&module, Step::Configure);
    }
}

#[test]
fn a_callback_that_traps_or_never_returns_in_its_probe_rejects_the_policy() {
    for (callback, name) in Callback::ALL.into_iter().zip(["new-session", "get-session", "remove-session"]) {
        for module in [policies::trap_in_probe(callback), policies::loop_in_probe(callback)] {
            let text = rejection(&module, Step::Probe);
            assert!(text.contains(name), "{text}");
        }
    }
}

#[test]
fn more_memory_than_allowed_rejects_the_policy() {
    let text = rejection_with(&policies::no_opinion(), "memory = \"64 KiB\"", Step::Instantiate);
    let hint = "put `memory = \"1 MiB\"` into policies/10-candidate.toml";
    assert!(text.contains("wanted 128 KiB of memory and may have 64 KiB") && text.contains(hint), "{text}");
}

#[test]
fn every_world_of_the_interface_is_spoken() {
    let runtime = runtime();
    let one = |callback| Fixture::default().no_opinion(callback);
    let all = Callback::ALL.into_iter().fold(Fixture::default(), Fixture::no_opinion);
    let takes_anything = "(i32.store8 (i32.const 512) (i32.const 0)) (i32.const 512)";
    for (world, fixture) in [
        ("policy", all.configure(takes_anything)),
        ("decides-new", one(Callback::New)),
        ("decides-get", one(Callback::Get)),
        ("decides-remove", one(Callback::Remove)),
    ] {
        let module = component(&fixture.core(), world).unwrap();
        assert!(load(&runtime, world, &module, "").is_ok(), "{world}");
    }
}

#[test]
fn worlds_merged_by_a_toolchain_are_spoken() {
    let fixture = Fixture::default().no_opinion(Callback::New).no_opinion(Callback::Get);
    let items = "include reprise:session-cache/decides-new@0.1.0; include reprise:session-cache/decides-get@0.1.0;";
    let world = format!("package test:fixture; world fixture {{ {items} }}");
    let module = component_of_world(&fixture.core(), &world).unwrap();
    assert!(load(&runtime(), "merged", &module, "").is_ok());
}
