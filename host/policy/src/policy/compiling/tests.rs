//! Whatever becomes of the compiling process, it is the module's trouble. That a real one compiles
//! is in `host/tests/compiling.rs`.

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use reprise_fixtures::policies;
use zeroize::Zeroizing;

use super::{header::Header, *};
use crate::policy::engine;

/// What comes of a module that is compiled by this shell script.
fn compiled_by(script: &str, time: Duration) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("compiler");
    fs::write(&path, format!("#!/bin/sh\necho $$ > \"$0.pid\"\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let said = compiled_with(path.clone(), time);
    // On a machine so busy that it did not come to say its number, it is only ended.
    if let Ok(process) = fs::read_to_string(path.with_extension("pid")) {
        assert!(!fs::exists(format!("/proc/{}", process.trim())).unwrap(), "its process is still there: {said}");
    }
    said
}

fn compiled_with(path: PathBuf, compile_time: Duration) -> String {
    let compiler = Compiler::Program { path, arguments: Vec::new() };
    let options = RuntimeOptions { compiler, compile_time, instances: 1, policies: 1, ..RuntimeOptions::default() };
    let (engine, layout) = engine::made(&options).unwrap();
    let Failed { step, mismatch } = compile(&engine, layout, &options, &policies::no_opinion()).err().unwrap();
    assert_eq!(step, Step::Compile);
    assert!(!mismatch.hint.is_empty());
    format!("expected {}; found {}", mismatch.expected, mismatch.found)
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_process_that_never_answers_is_ended() {
    let said = compiled_by("exec sleep 1000", Duration::from_millis(300));
    assert!(said.contains("300ms") && said.contains("still going on"), "{said}");
}

#[test]
fn a_process_that_answers_and_stays_is_ended() {
    let said = compiled_by("exec >&-; exec sleep 1000", Duration::from_millis(300));
    assert!(said.contains("still going on"), "{said}");
}

#[test]
fn a_process_that_is_killed_rejects_the_module() {
    let said = compiled_by("kill -9 $$", PATIENCE);
    assert!(said.contains("killed") && said.contains("2048 MiB"), "{said}");
}

#[test]
fn what_a_dying_process_says_is_told_on_one_line() {
    let said = compiled_by("cat >/dev/null & printf 'memory allocation\\nof 7 bytes failed' >&2; kill -6 $$", PATIENCE);
    assert!(said.contains("want of memory: \"memory allocation of 7 bytes failed\""), "{said}");
}

#[test]
fn a_process_that_answers_garbage_is_not_believed() {
    for garbage in ["", "c", "r", "x", "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"] {
        let said = compiled_by(&format!("printf '{garbage}'"), PATIENCE);
        assert!(said.contains("something else"), "{garbage}: {said}");
    }
    let said = compiled_by("head -c 10000000 /dev/urandom", PATIENCE);
    assert!(said.contains("something else"), "{said}");
}

#[test]
fn a_program_that_is_not_there_rejects_the_module() {
    let said = compiled_with("/no/such/program".into(), PATIENCE);
    assert!(said.contains("/no/such/program") && said.contains("No such file"), "{said}");
}

#[test]
fn what_is_told_to_the_process_is_what_it_reads() {
    let header = Header {
        key: Zeroizing::new((0..32).collect()),
        memory: 1,
        seconds: 2,
        threads: 3,
        stack: 4,
        frugal: true,
        source_lines: false,
        module: 5,
    };
    let bytes = header.encode();
    assert_eq!(Header::read(&mut &**bytes).unwrap(), header);
    Header::read(&mut &bytes[..bytes.len() - 1]).unwrap_err();
    let mut other = bytes.to_vec();
    other[7] = 2;
    Header::read(&mut &*other).unwrap_err();
}

/// What a thread has of its own, and takes its time to give up at the end.
struct Own(Arc<AtomicUsize>);

impl Drop for Own {
    fn drop(&mut self) {
        // Long enough to be seen by who does not wait for it.
        thread::sleep(Duration::from_millis(50));
        self.0.fetch_add(1, Relaxed);
    }
}

thread_local! {
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

#[test]
fn threads_that_compiled_have_ended_when_the_code_is_there() {
    let ended = Arc::<AtomicUsize>::default();
    let begun =
        on_threads(2, || rayon::broadcast(|_| OWN.with_borrow_mut(|own| *own = Some(Own(Arc::clone(&ended))))).len());
    assert_eq!((begun.unwrap(), ended.load(Relaxed)), (2, 2));
}
