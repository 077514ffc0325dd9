//! The thread that goes round: it is made to end, and is there again.

use super::*;

#[test]
fn a_directory_is_followed_after_a_panic() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good a")]);
        let running = watched.dir.here().unwrap();
        running.vitals.strike("reprise-policies");
        running.shared.bell.ring(Rings { look: true, ..Rings::default() });
        watched.rename_over("b.wasm", "good b");
        assert_eq!(watched.live("b", "good b"), 1);
        assert_eq!(watched.chain(), ["a.wasm=good a", "b.wasm=good b"], "what was live stays");
        let vital = watched.dir.vitals().swap_remove(0);
        assert_eq!((vital.restarts, vital.ended.as_deref()), (1, Some("it panicked: struck by a test")));
        // Operators are heard, and generations go on being counted.
        assert!(watched.dir.reload().is_ok());
        watched.rename_over("a.wasm", "good a2");
        assert_eq!(watched.live("a", "good a2"), 2);
    });
}

#[test]
fn a_first_look_that_panics_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.wasm"), "good, and fatal").unwrap();
    let error = PoliciesDir::start_with(root.path(), Record::default(), patient()).unwrap_err();
    assert!(format!("{error:#}").contains("ended early"), "{error:#}");
}

#[test]
fn a_first_look_that_fails_is_an_error() {
    let (scanned, first_scan) = sync_channel(1);
    let mut rounds = Rounds::new("/nowhere/at/all".into(), Record::default(), patient(), Arc::default());
    let life = reprise_session::vital::Vitals::default().task("t");
    assert_eq!(rounds.run(&mut Some(scanned), &life.heart()), Ended::Told);
    let reason = first_scan.recv().unwrap().unwrap_err();
    assert!(reason.contains("/nowhere/at/all"), "{reason}");
}
