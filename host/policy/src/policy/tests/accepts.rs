//! What becomes a policy besides a component of this host's own version: core modules, text, other versions.

use reprise_fixtures::{Callback, Fixture, Keep, component_of_foreign_world, policies};

use super::*;
use crate::policy::Step;

/// Keeps for 77 seconds.
fn keeps() -> Fixture {
    Fixture::default().on(Callback::New, Keep { lifetime: Some(77), ..Keep::default() }.wat())
}

/// The lifetime that a policy made of `module` asks for.
fn lifetime(module: &[u8]) -> Option<u32> {
    let policy = load(&runtime(), "candidate", module, "").unwrap_or_else(|rejection| panic!("{rejection}"));
    match decide_new(&Chain::new(vec![policy]), &mut ample()) {
        NewDecision::Keep(terms) => terms.lifetime,
        NewDecision::Refuse(objection) => panic!("{objection:?}"),
    }
}

fn rejected(module: &[u8], step: Step) -> Rejection {
    let rejection = load(&runtime(), "candidate", module, "").unwrap_err();
    assert_eq!(rejection.step, step, "{rejection}");
    rejection
}

#[test]
fn a_core_module_with_wit_metadata_decides() {
    assert_eq!(lifetime(&keeps().core_module()), Some(77));
}

#[test]
fn a_core_module_is_known_by_the_names_of_its_exports_where_it_has_no_metadata() {
    assert_eq!(lifetime(&wat::parse_str(keeps().core()).unwrap()), Some(77));
}

#[test]
fn text_decides_be_it_a_component_or_a_core_module() {
    assert_eq!(lifetime(format!(";; keeps for 77 s\n{}", keeps().core()).as_bytes()), Some(77));
    // What a component says of itself as text would be long; that it is read is seen by how far it gets.
    let rejection = rejected(b" (component (instance $none) (export \"a\" (instance $none)))", Step::Link);
    assert!(rejection.found.contains("`a`"), "{rejection}");
}

#[test]
fn text_that_does_not_parse_is_rejected_with_the_place() {
    let rejection = rejected(b"(module\n  (func (result i33)))", Step::Componentize);
    assert!(rejection.found.contains("2:17") && !rejection.found.contains('\n'), "{rejection}");
    let long = format!("(module {})", " ".repeat(1 << 20));
    assert!(rejected(long.as_bytes(), Step::Componentize).hint.contains("wasm-tools parse"));
}

#[test]
fn a_core_module_of_wasi_0_1_is_linked_with_the_adapter_and_finds_what_wasi_0_2_gives() {
    // Prints "hello", then asks for the number of its arguments, which is 0.
    let body = "(i32.store (i32.const 600) (i32.const 1024)) (i32.store (i32.const 604) (i32.const 6))
        (if (call $fd_write (i32.const 1) (i32.const 600) (i32.const 1) (i32.const 608)) (then unreachable))
        (if (call $args_sizes_get (i32.const 612) (i32.const 616)) (then unreachable))
        (i32.load (i32.const 612))";
    let imports =
        "(import \"wasi_snapshot_preview1\" \"fd_write\" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $args_sizes_get (param i32 i32) (result i32)))";
    let fixture = Fixture::default().once_live(Callback::Get, body).data("hello\n").importing("", &[], imports);
    let mut decision = None;
    let log = logged(|| {
        let chain = chain_of(&runtime(), &[("older", fixture.core_module())]);
        decision = Some(decide_get(&chain, &mut ample()));
    });
    assert_eq!(decision, Some(GetDecision::Resume { early_data: true }), "{log}");
    assert!(log.contains(": hello policy=older"), "{log}");
}

#[test]
fn a_core_module_that_imports_what_nobody_has_is_rejected_by_its_name() {
    let imports = "(import \"env\" \"emscripten_sleep\" (func (param i32)))";
    let rejection = rejected(&keeps().importing("", &[], imports).core_module(), Step::Componentize);
    assert!(rejection.found.contains("env") && rejection.hint.contains("`env`"), "{rejection}");
}

#[test]
fn a_core_module_that_is_not_what_its_metadata_says_is_rejected() {
    let core = keeps().core().replace("new-session@0.1.0#decide", "new-session@0.1.0#decides");
    let wit = "package test:fixture; world fixture { export reprise:session-cache/new-session@0.1.0; }";
    let module = reprise_fixtures::module_of_world(&core, wit).unwrap();
    let rejection = rejected(&module, Step::Componentize);
    assert!(
        rejection.found.contains("decide") && rejection.hint.contains("wit-bindgen")
            || rejection.hint.contains("bindings"),
        "{rejection}"
    );
}

#[test]
fn a_core_module_cut_short_is_rejected_wherever_it_was_cut() {
    let (runtime, whole) = (runtime(), keeps().core_module());
    for length in (8..whole.len()).step_by(61) {
        let rejection = load(&runtime, "cut", &whole[..length], "").unwrap_err();
        assert!([Step::Componentize, Step::Compile].contains(&rejection.step), "{length}: {rejection}");
    }
}

#[test]
fn a_core_module_is_held_against_the_bounds() {
    let many = "(func) ".repeat(100_001);
    let rejection = rejected(&wat::parse_str(keeps().items(many).core()).unwrap(), Step::Compile);
    assert_eq!(rejection.expected, "at most 100000 functions");
}

#[test]
fn metadata_that_nests_types_too_deep_to_descend_into_is_rejected() {
    let types: String = (1..10_000).map(|number| format!("(type (list {}))", number - 1)).collect();
    let metadata = format!(
        r#"(component
             (type $package (component
               (type $world (component
                 (type (list u8)) {types}
                 (type $deep (func (param "x" 9999)))
                 (import "deep" (func (type $deep)))))
               (export "test:deep/world" (component (type $world)))))
             (export "world" (type $package))
             (@custom "wit-component-encoding" "\04\00"))"#
    );
    let metadata: String = wat::parse_str(metadata).unwrap().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = wat::parse_str(format!(r#"(module (@custom "component-type" "{metadata}"))"#)).unwrap();
    let rejection = rejected(&module, Step::Componentize);
    assert!(rejection.found.contains("nesting is too deep"), "{rejection}");
}

#[test]
fn metadata_that_is_too_much_is_not_read() {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let content = [&[14][..], b"component-type", &vec![0; 1 << 20], &[0]].concat();
    module.extend([
        0,
        0x80 | (content.len() & 0x7f) as u8,
        0x80 | (content.len() >> 7 & 0x7f) as u8,
        (content.len() >> 14) as u8,
    ]);
    module.extend(content);
    let rejection = rejected(&module, Step::Compile);
    assert!(rejection.expected.contains("bytes of WIT metadata"), "{rejection}");
}

#[test]
fn a_policy_built_for_another_0_1_decides() {
    for version in ["0.1.1", "0.1.42"] {
        let interface = include_str!("../../../../../wit/session-cache.wit");
        let wit = interface
            .replace("package reprise:session-cache@0.1.0", &format!("package reprise:session-cache@{version}"));
        let wit = wit.replace("world policy {", "world unused {");
        let wit = format!("{wit}\nworld fixture {{ include imports; export new-session; }}");
        let core = keeps().core().replace("@0.1.0", &format!("@{version}"));
        let module = component_of_foreign_world(&core, &wit, "fixture").unwrap();
        assert_eq!(lifetime(&module), Some(77), "{version}");
    }
}

/// The policies in `tests/fixtures/kept` were built when the interface was 0.1.0, and are not built again.
#[test]
fn policies_that_were_built_for_0_1_0_when_that_was_new_still_decide() {
    assert_eq!(lifetime(include_bytes!("../../../../../tests/fixtures/kept/module-0.1.0.wasm")), Some(77));
    let counts = include_bytes!("../../../../../tests/fixtures/kept/state-0.1.0.wasm");
    assert_eq!(lifetime(counts), Some(1), "what its state has counted");

    let configured = include_bytes!("../../../../../tests/fixtures/kept/settings-0.1.0.wasm");
    let policy = load(&runtime(), "kept", configured, "[settings]\nzone = \"kept in 2026\"").unwrap();
    let NewDecision::Keep(terms) = decide_new(&Chain::new(vec![policy]), &mut ample()) else { panic!("it keeps") };
    assert_eq!(terms.notes, [("kept".to_owned(), b"kept in 2026".to_vec())]);
}

#[test]
#[ignore = "writes the policies that are kept for later hosts; only for a new version of the interface"]
fn policies_are_kept_for_later_hosts() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/kept");
    for (name, module) in [
        ("module-0.1.0.wasm", keeps().core_module()),
        ("state-0.1.0.wasm", policies::counts_in_state()),
        ("settings-0.1.0.wasm", policies::note_from_settings("zone: expected a name, found none")),
    ] {
        std::fs::write(kept.join(name), module).unwrap();
    }
}
