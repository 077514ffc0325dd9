//! A policy that imports WASI, and what it finds there.

use reprise_fixtures::{DATA, wasi};

use super::*;
use crate::policy::{Failure, Objection, Step};

/// Standard error, as a body has it: writes `length` bytes from [`DATA`].
fn print(stream: &str, length: usize) -> String {
    format!("(call $print (call ${stream}) (i32.const {DATA}) (i32.const {length}) (i32.const 512))")
}

/// What a policy decides whose `get-session` runs `body` with `data` at [`DATA`].
fn decides(body: &str, data: &str) -> GetDecision {
    let module = wasi::get_session(6, body, data);
    decide_get(&chain_of(&runtime(), &[("worldly", module)]), &mut ample())
}

const RESUMES: GetDecision = GetDecision::Resume { early_data: true };

/// WAT that traps unless `condition` holds.
fn expect(condition: &str) -> String {
    format!("(if (i32.eqz {condition}) (then unreachable))")
}

#[test]
fn every_patch_version_of_wasi_0_2_is_linked() {
    for patch in [0, 3, 6, 12] {
        let module = wasi::get_session(patch, "(drop (call $random)) (i32.const 0)", "");
        let chain = chain_of(&runtime(), &[("worldly", module)]);
        assert_eq!(decide_get(&chain, &mut ample()), RESUMES, "0.2.{patch}");
    }
}

#[test]
fn clocks_run_and_random_numbers_differ() {
    let clock = expect("(i64.gt_u (i64.load (i32.const 512)) (i64.const 1700000000))");
    let body = format!(
        "(i64.store (i32.const 600) (call $random))
         {}
         (call $random_bytes (i64.const 8) (i32.const 512))
         {}
         (call $wall (i32.const 512)) {clock}
         (i64.store (i32.const 600) (call $monotonic))
         {}
         (i32.const 0)",
        expect("(i64.ne (i64.load (i32.const 600)) (call $random))"),
        expect("(i64.ne (i64.load (i32.const 600)) (i64.load (i32.load (i32.const 512))))"),
        expect("(i64.ge_u (call $monotonic) (i64.load (i32.const 600)))"),
    );
    assert_eq!(decides(&body, ""), RESUMES);
}

#[test]
fn there_is_no_environment_no_file_and_no_network() {
    let empty =
        |call: &str| format!("(call {call} (i32.const 512)) {}", expect("(i32.eqz (i32.load (i32.const 516)))"));
    // A result: 1 is an error, which is `access-denied`.
    let denied = expect("(i32.eq (i32.load8_u (i32.const 512)) (i32.const 1))")
        + &expect("(i32.eq (i32.load8_u (i32.const 516)) (i32.const 1))");
    // Whatever is imported besides cannot be called; it is linked all the same.
    let body = format!(
        "{} {} {} (call $socket (i32.const 0) (i32.const 512)) {denied}
         (if (i32.eq (i32.const 0) (i32.const 1)) (then
           (drop (call $listening (i32.const 7))) (call $open (i32.const 7) (i64.const 0) (i32.const 512))))
         (call $receive (call $get_stdin) (i64.const 100) (i32.const 512)) {} {}
         (i32.const 0)",
        empty("$environment"),
        empty("$arguments"),
        empty("$directories"),
        expect("(i32.eq (i32.load8_u (i32.const 512)) (i32.const 1))"),
        // `closed`
        expect("(i32.eq (i32.load8_u (i32.const 516)) (i32.const 1))"),
    );
    assert_eq!(decides(&body, ""), RESUMES);
}

#[test]
fn nothing_is_waited_for() {
    let hour = "(call $timer (i64.const 3600000000000))";
    let body = format!(
        "(call $block {hour})
         (i32.store (i32.const 600) {hour})
         (call $poll (i32.const 600) (i32.const 1) (i32.const 512))
         {}
         (call $block (call $subscribe (call $get_stdout)))
         (i32.const 0)",
        expect("(i32.eq (i32.load (i32.const 516)) (i32.const 1))"),
    );
    // It would not come back within an hour.
    assert_eq!(decides(&body, ""), RESUMES);
}

#[test]
fn what_is_printed_is_in_the_log_line_by_line_under_the_policys_name() {
    let said = "first\nsecond\nand more";
    let body = format!("{} (i32.const 0)", print("get_stdout", said.len()));
    let module = wasi::get_session(6, &body, said);
    let runtime = runtime_with(|options| options.instances = 1);
    let log = logged(|| {
        let chain = chain_of(&runtime, &[("worldly", module)]);
        decide_get(&chain, &mut ample());
        decide_get(&chain, &mut ample());
    });
    // What has no end yet goes on in the next call.
    for line in ["first", "second", "and morefirst"] {
        assert!(log.contains(&format!(": {line} policy=worldly (generation 1")), "{line}: {log}");
    }
}

#[test]
fn what_is_printed_counts_with_what_is_logged_against_the_cap() {
    let said = "x\n".repeat(150);
    let module = wasi::get_session(6, &format!("{} (i32.const 0)", print("get_stderr", said.len())), &said);
    let chain = chain_of(&runtime(), &[("worldly", module)]);
    decide_get(&chain, &mut ample());
    assert!(chain.policies()[0].observations_dropped() >= 50);
}

#[test]
fn a_failed_call_is_told_with_what_was_printed_on_standard_error() {
    let said = "Traceback (most recent call last):\n  File \"app.py\", line 7\nValueError: no such tenant";
    let module = wasi::get_session(6, &format!("{} unreachable", print("get_stderr", said.len())), said);
    let chain = chain_of(&runtime(), &[("worldly", module)]);
    let log = logged(|| drop(decide_get(&chain, &mut ample())));
    let line = log.lines().find(|line| line.contains("a policy's call failed")).unwrap_or_else(|| panic!("{log}"));
    for part in ["`unreachable`", "Traceback (most", "| ValueError: no such tenant\"", "get-session"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn to_exit_is_to_fail_and_is_told_so() {
    let rejection = load(&runtime(), "leaver", &wasi::configure(6, "(call $exit (i32.const 1))", ""), "").unwrap_err();
    assert_eq!(rejection.step, Step::Configure);
    assert!(rejection.found.contains("the policy exited (error)"), "{rejection}");
}

#[test]
fn what_takes_without_end_fails_by_a_bound_of_the_hosts() {
    for (body, reason) in [
        ("(loop $more (drop (call $get_stdout)) (br $more)) unreachable", "1024 handles"),
        ("(call $random_bytes (i64.const 1000000000) (i32.const 512)) (i32.const 0)", "1000000000 random bytes"),
        ("(call $poll (i32.const 0) (i32.const 0) (i32.const 512)) (i32.const 0)", "polls nothing"),
    ] {
        let chain = chain_of(&runtime(), &[("greedy", wasi::get_session(6, body, ""))]);
        let mut decision = None;
        let log = logged(|| decision = Some(decide_get(&chain, &mut ample())));
        let objection = Objection { policy: "greedy".into(), failure: Some(Failure::Trap) };
        assert_eq!(decision, Some(GetDecision::FullHandshake(objection)));
        assert!(log.contains(reason), "{reason}: {log}");
    }
}

#[test]
fn a_loop_that_sleeps_ends_at_its_deadline() {
    let nap = "(loop $more
          (i32.store (i32.const 600) (call $timer (i64.const 1000000)))
          (call $block (i32.load (i32.const 600)))
          (call $drop (i32.load (i32.const 600)))
          (br $more))
        unreachable";
    let chain = chain_of(&runtime(), &[("sleepy", wasi::get_session(6, nap, ""))]);
    let objection = Objection { policy: "sleepy".into(), failure: Some(Failure::Deadline) };
    assert_eq!(decide_get(&chain, &mut scarce()), GetDecision::FullHandshake(objection));
}

#[test]
fn another_interface_or_version_or_function_of_wasi_is_rejected_by_its_name() {
    for (import, function, hint) in [
        ("wasi:http/outgoing-handler@0.2.6", "handle", "disableFeatures"),
        ("wasi:keyvalue/store@0.2.0", "open", "docs/wasi.md"),
        ("wasi:io/streams@0.3.0", "read", "wasm32-wasip2"),
        ("wasi:io/streams@0.2.0-rc-2023-11-10", "read", "WASI 0.2"),
    ] {
        let component = format!(r#"(component (import "{import}" (instance (export "{function}" (func)))))"#);
        let rejection = load(&runtime(), "worldly", component.as_bytes(), "").unwrap_err();
        assert_eq!((rejection.step, rejection.found), (Step::Link, format!("`{import}`")));
        assert!(rejection.hint.contains(hint), "{}", rejection.hint);
    }
    let rejection =
        load(&runtime(), "gambler", &wasi::get_session(6, "(call $dice) (i32.const 0)", ""), "").unwrap_err();
    assert!(rejection.to_string().contains("`wasi:random/random@0.2.6`") && rejection.found == "`dice`", "{rejection}");
}
