//! Modules that are trouble before they run.

use reprise_fixtures::hostile;

use super::Ordeal;

#[test]
fn a_module_that_imports_what_no_policy_may_have_is_rejected_by_its_name() {
    for interface in [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0",
        "wasi:sockets/tcp@0.3.0",
        // These it may import, but not a function that they do not have.
        "wasi:filesystem/preopens@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "unheard:of/things@1.0.0",
    ] {
        Ordeal::new().rejects(hostile::importing(interface), &["(link)", &format!("`{interface}`")]);
    }
}

#[test]
fn a_module_of_50_mb_that_is_a_policy_is_one() {
    let seen = Ordeal::new().lets_live(hostile::padded(50 << 20));
    assert_eq!(seen.resumed, seen.offered, "{seen:?}");
}

#[test]
fn a_module_of_more_than_64_mib_is_not_read() {
    Ordeal::new().rejects(hostile::padded(64 << 20), &["larger than 67108864 bytes"]);
}

#[test]
fn a_module_of_50_mb_of_code_is_not_compiled() {
    // Each 500 KB long: one instruction after another, of one byte each.
    let code = [&[0][..], &vec![0x01; 500_000], &[0x0b]].concat();
    Ordeal::new().rejects(hostile::functions(100, 0, &code), &["(compile)", "bytes of code"]);
}

#[test]
fn a_module_of_a_million_functions_is_not_compiled() {
    Ordeal::new().rejects(hostile::functions(1_000_000, 0, &[0, 0x0b]), &["(compile)", "1000000", "functions"]);
}

#[test]
fn a_function_whose_flow_is_too_wide_is_not_compiled() {
    // A thousand variables, and a branch table of a hundred thousand ways.
    let code = [&[0, 0x20, 0, 0x0e, 0xa0, 0x8d, 0x06][..], &vec![0; 100_001], &[0x0b]].concat();
    Ordeal::new().rejects(hostile::functions(1, 1_000, &code), &["(compile)", "branches times variables"]);
}

/// Should one of these get to the compiler, it ends there, and not the machine.
fn confined() -> Ordeal {
    Ordeal::with(&["--compile-memory", "256MiB"])
}

#[test]
fn instances_that_double_29_times_are_not_compiled() {
    confined().rejects(hostile::doubling(29), &["(compile)", "instances"]);
}

#[test]
fn components_10_000_deep_are_not_compiled() {
    confined().rejects(hostile::matryoshka(10_000), &["(compile)", "inside one another"]);
}

#[test]
fn types_300_000_deep_are_not_read() {
    confined().rejects(hostile::deep_type(300_000), &["(compile)", "types inside one another"]);
}

#[test]
fn what_takes_too_much_memory_to_compile_costs_a_rejection() {
    let ordeal = Ordeal::with(&["--compile-memory", "32MiB"]);
    ordeal.rejects(hostile::padded(62 << 20), &["(compile)", "32 MiB of memory", "--compile-memory"]);
}

#[test]
fn many_modules_that_loop_at_their_start_take_few_threads() {
    let ordeal = Ordeal::new();
    let most = ordeal.floods(60, hostile::loop_in_start());
    // Eight, and what they start has their name for a moment.
    assert!((1..=20).contains(&most), "{most} threads");
}

#[test]
fn ten_policies_of_60_mib_take_no_more_than_there_is() {
    let ordeal = Ordeal::with(&["--policy-memory", "300MiB"]);
    let (live, taken) = ordeal.shares(10, reprise_fixtures::policies::large(60));
    assert!((1..=4).contains(&live), "{live} of them, beside the calm one");
    assert!(taken <= 300 << 20, "{taken} bytes");
}

#[test]
fn while_a_module_is_compiled_for_seconds_handshakes_go_on() {
    let seen = Ordeal::new().lets_live(hostile::slow_to_compile(3_000));
    assert_eq!(seen.resumed, seen.offered, "{seen:?}");
}
