//! Policies that are compiled in a process of their own: this program, started again.

use std::{path::Path, sync::Arc, time::Duration};

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
        hostile::loop_in_configure(),
        hostile::doubling(29),
        hostile::matryoshka(10_000),
        hostile::deep_type(30_000),
    ] {
        let short = |runtime: &Runtime| load(runtime, &module).unwrap_err();
        assert_eq!(short(&there), short(&here));
    }
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
