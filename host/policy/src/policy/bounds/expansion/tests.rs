//! What instances multiply to, counted.

use std::fmt::Write as _;

use super::*;

fn found(text: &str) -> Result<(), String> {
    check(&wat::parse_str(text).unwrap(), 0).map_err(|mismatch| mismatch.expected)
}

fn refused(text: &str, what: &str) {
    let expected = found(text).unwrap_err();
    assert!(expected.ends_with(what), "{expected}");
}

/// So many components, each of which has the one before in it in this way: `$before` is its name.
fn chain(levels: usize, each: &str) -> String {
    let mut text = "(component (component $c0 (import \"f\" (func $f)) (export \"f\" (func $f)))".to_owned();
    for level in 1..=levels {
        let body = each.replace("$before", &format!("$c{}", level - 1));
        let _ = write!(text, "(component $c{level} (import \"f\" (func $f)) {body})");
    }
    text + ")"
}

const TWICE: &str = "(instance (instantiate $b (with \"f\" (func $f))))
    (instance (instantiate $b (with \"f\" (func $f))))";

#[test]
fn instances_that_double_at_each_level_are_refused() {
    // Of 29 levels, some three kilobytes; the outermost instantiates the last.
    let twice = |levels: usize| {
        let text = chain(levels, &format!("(alias outer 1 $before (component $b)) {TWICE}"));
        let last = format!("(import \"f\" (func $f)) (instance (instantiate $c{levels} (with \"f\" (func $f)))))");
        text.strip_suffix(')').unwrap().to_owned() + &last
    };
    refused(&twice(29), "instances, with those that its components make in turn");
    found(&twice(7)).unwrap();
}

#[test]
fn components_that_are_never_instantiated_make_no_instances() {
    found(&chain(29, "")).unwrap();
}

#[test]
fn exports_that_double_at_each_level_are_refused() {
    let doubled = |levels: usize| {
        let mut text = "(component (import \"f\" (func $f)) (instance $i0 (export \"f\" (func $f)))".to_owned();
        for level in 1..=levels {
            let before = level - 1;
            let _ = write!(
                text,
                "(instance $i{level} (export \"a\" (instance $i{before})) (export \"b\" (instance $i{before})))"
            );
        }
        text + ")"
    };
    refused(&doubled(25), "items handed from instance to instance");
    found(&doubled(10)).unwrap();
}

#[test]
fn components_that_hold_the_one_before_twice_are_refused() {
    // None of them is instantiated: what they hold is copied where they are defined.
    let held = |levels: usize| chain(levels, "(alias outer 1 $before (component)) (alias outer 1 $before (component))");
    refused(&held(25), "items handed from instance to instance");
    found(&held(10)).unwrap();
}

#[test]
fn a_component_that_is_handed_on_multiplies_all_the_same() {
    // Each gives the one before to itself by an instance's export, and takes it out again.
    let mut text = chain(0, "").strip_suffix(')').unwrap().to_owned();
    for level in 1..=20 {
        let before = level - 1;
        let _ = write!(
            text,
            "(instance $i{level} (export \"c\" (component $c{before})))
             (alias export $i{level} \"c\" (component $t{level}))
             (component $c{level} (import \"f\" (func $f))
               (alias outer 1 $t{level} (component $b)) {TWICE})"
        );
    }
    text += "(import \"f\" (func $f)) (instance (instantiate $c20 (with \"f\" (func $f)))))";
    refused(&text, "instances, with those that its components make in turn");
}

#[test]
fn what_components_are_given_by_many_levels_is_followed() {
    // The component is three levels further in than where it was defined.
    let text = "(component (component $c (component $inner))
         (component $d (component $e (component $g (instance (instantiate $c))) (instance (instantiate $g)))
           (instance (instantiate $e)) (instance (instantiate $e)))
         (instance (instantiate $d)))";
    let module = wat::parse_str(text).unwrap();
    let read = Read::of(&module).unwrap();
    assert_eq!(read.captures, 3);
    found(text).unwrap();
}

#[test]
fn many_calls_between_components_are_refused() {
    let calls = |count: usize| {
        let lowered = "(core func (canon lower (func $g)))".repeat(count);
        format!(
            "(component (core module $m (func (export \"f\"))) (core instance $m (instantiate $m))
               (component $c (import \"g\" (func $g)) {lowered})
               (func $g (canon lift (core func $m \"f\")))
               (instance (instantiate $c (with \"g\" (func $g)))))"
        )
    };
    refused(&calls(1_001), "calls from component to component");
    found(&calls(100)).unwrap();
    let many = wat::parse_str(calls(100)).unwrap();
    check(&many, 1 << 20).unwrap_err();
}

#[test]
fn modules_of_many_imports_instantiated_often_are_refused() {
    let imports: String = (0..2_000).fold(String::new(), |mut text, number| {
        let _ = write!(text, "(import \"a\" \"{number}\" (func))");
        text
    });
    let text = |times: usize| {
        let made = "(core instance (instantiate $m (with \"a\" (instance $a))))".repeat(times);
        format!("(component (core module $m {imports}) (core instance $a) {made})")
    };
    refused(&text(300), "items handed from instance to instance");
    found(&text(60)).unwrap();
}
