//! Policies that are compiled in a process of their own: this program, started again.

use std::{fs, path::Path, process, sync::Arc, thread, time::Duration};

use reprise::policy::{Candidate, Compiler, Manifest, Policy, Rejection, Runtime, RuntimeOptions, Step};
use reprise_fixtures::{Callback, Fixture, hostile, policies};

fn elsewhere() -> Compiler {
    Compiler::Program { path: env!("CARGO_BIN_EXE_reprise").into(), arguments: vec!["compile-policy".into()] }
}

fn runtime(change: impl FnOnce(&mut RuntimeOptions)) -> Runtime {
    let mut options = RuntimeOptions { compiler: elsewhere(), instances: 1, policies: 4, ..RuntimeOptions::default() };
    options.start = Duration::from_secs(20);
    change(&mut options);
    Runtime::new(options).unwrap()
}

fn load(runtime: &Runtime, module: &[u8]) -> Result<Arc<Policy>, Rejection> {
    let manifest = Manifest::default();
    runtime.load(Candidate { file: Path::new("a.wasm"), name: "a", generation: 1, module, manifest: &manifest })
}

#[test]
fn what_is_compiled_elsewhere_is_what_is_compiled_here() {
    let (there, here) = (runtime(|_| {}), runtime(|options| options.compiler = Compiler::InProcess));
    let core = Fixture::default().no_opinion(Callback::Get);
    for module in [policies::no_opinion(), core.core_module(), core.core().into_bytes()] {
        load(&there, &module).unwrap();
        load(&here, &module).unwrap();
    }
    for module in [
        b"garbage".to_vec(),
        policies::no_opinion()[..200].to_vec(),
        b"(module (func $f (call $g)))".to_vec(),
        hostile::importing("wasi:http/outgoing-handler@0.2.0"),
        hostile::doubling(29),
        hostile::matryoshka(10_000),
        hostile::deep_type(30_000),
    ] {
        assert_eq!(load(&there, &module).unwrap_err(), load(&here, &module).unwrap_err());
    }
    // It takes all the time that it has.
    let short = |options: &mut RuntimeOptions| options.start = Duration::from_secs(1);
    let there = runtime(short);
    let here = runtime(|options| {
        short(options);
        options.compiler = Compiler::InProcess;
    });
    let module = hostile::loop_in_configure();
    assert_eq!(load(&there, &module).unwrap_err(), load(&here, &module).unwrap_err());
}

#[test]
fn a_module_that_takes_too_much_memory_is_rejected() {
    let runtime = runtime(|options| options.compile_memory = 32 << 20);
    let rejection = load(&runtime, &hostile::padded(62 << 20)).unwrap_err();
    assert_eq!(rejection.step, Step::Compile, "{rejection}");
    let text = rejection.to_string();
    assert!(text.contains("32 MiB of memory") && text.contains("want of memory"), "{text}");
    load(&runtime, &policies::no_opinion()).unwrap();
}

#[test]
fn a_module_that_takes_too_long_is_rejected() {
    let runtime = runtime(|options| options.compile_time = Duration::from_millis(300));
    let rejection = load(&runtime, &hostile::slow_to_compile(6_000)).unwrap_err();
    assert_eq!(rejection.step, Step::Compile, "{rejection}");
    assert!(rejection.to_string().contains("300ms of processor time"), "{rejection}");
}

/// What the system says of the limits of each process that this one has started.
fn limits_of_children() -> Vec<String> {
    let parent = format!("PPid:\t{}\n", process::id());
    let started = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(|process| {
        // Most of them are others, and any may be gone by now.
        fs::read_to_string(process.join("status")).is_ok_and(|status| status.contains(&parent))
    });
    let limits = started.filter_map(|process| fs::read_to_string(process.join("limits")).ok());
    limits.map(|limits| limits.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_compiling_process_has_no_more_than_it_is_to_have() {
    let runtime = runtime(|options| options.compile_time = Duration::from_secs(77));
    let expected = ["Max cpu time 77 77 seconds", "Max file size 0 0 bytes", "Max core file size 0 0 bytes"];
    let module = hostile::slow_to_compile(1_000);
    thread::scope(|scope| {
        let loading = scope.spawn(|| load(&runtime, &module));
        loop {
            let over = loading.is_finished();
            let limits = limits_of_children();
            if limits.iter().any(|limits| expected.iter().all(|expected| limits.contains(expected))) {
                break;
            }
            assert!(!over, "it had no such limits: {:?}", loading.join());
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn what_was_compiled_elsewhere_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("compiled");
    let core = Fixture::default().no_opinion(Callback::Get).core_module();
    let first = runtime(|options| options.cache = Some(cache.clone()));
    load(&first, &core).unwrap();
    // Nothing is compiled, or made a component of, the second time.
    let second = runtime(|options| {
        options.cache = Some(cache);
        options.compiler = Compiler::Program { path: "/no/such/program".into(), arguments: Vec::new() };
    });
    load(&second, &core).unwrap();
    load(&second, &policies::no_opinion()).unwrap_err();
}
