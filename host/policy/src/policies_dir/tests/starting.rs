//! The first scan, and the end.

use super::*;

#[test]
fn all_good_policies_are_live_in_file_name_order_when_start_returns() {
    both_ways(|options| {
        let files = [("20-b.wasm", "good b"), ("10-a.wasm", "good a"), ("15-c.wasm", "broken"), ("x.toml", "bad")];
        let watched = Watched::start(&options, &files);
        assert_eq!(watched.chain(), ["10-a.wasm=good a", "20-b.wasm=good b"]);
        let status = watched.dir.status();
        let names: Vec<_> = status.iter().map(|status| status.name.as_str()).collect();
        assert_eq!(names, ["a", "c", "b"]);
        assert!(matches!(status[0].state, FileState::Live { generation: 1, .. }));
        assert!(matches!(status[1].state, FileState::Rejected { keeping: None, .. }));
    });
}

#[test]
fn a_missing_directory_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    let error = PoliciesDir::start_with(&missing, Record::default(), DirOptions::default()).unwrap_err();
    assert!(format!("{error:#}").contains(missing.to_str().unwrap()), "{error:#}");
}

#[test]
fn an_empty_directory_starts() {
    both_ways(|options| assert!(Watched::start(&options, &[]).dir.status().is_empty()));
}

#[test]
fn dropping_it_ends_the_watching_and_leaves_what_is_live() {
    let Watched { dir, record, events, .. } = Watched::start(&patient(), &[("a.wasm", "good")]);
    drop(dir);
    assert!(events.recv_timeout(PATIENCE).is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected));
    let record = record.0.lock();
    assert_eq!((record.policies.len(), record.retired), (1, 0));
}

#[test]
fn dropping_it_in_another_process_touches_neither_the_thread_nor_its_locks() {
    let mut watched = Watched::start(&patient(), &[]);
    let shared = watched.as_a_forked_child_finds_it();
    let Watched { dir, .. } = watched;
    let held = (shared.subscribers.lock(), shared.bell.hold());
    dir.rescan();
    assert!(dir.subscribe().recv().is_err(), "nobody would send");
    assert!(dir.status().is_empty());
    drop(dir);
    drop(held);
    shared.bell.ring(Rings { stop: true, ..Rings::default() });
}
