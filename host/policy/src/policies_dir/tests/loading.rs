//! A module that takes long to load holds up nobody.

use super::*;

fn hasty() -> DirOptions {
    let settle = Duration::from_millis(20);
    DirOptions { settle, max_wait: settle * 2, ..DirOptions::default() }
}

#[test]
fn a_module_that_takes_long_is_left_behind_and_goes_live_once_it_is_loaded() {
    let mut watched = Watched::start(&hasty(), &[]);
    watched.rename_over("a.wasm", "good and slow");
    watched.rename_over("b.wasm", "good");
    watched.live("b", "good");
    // So does what comes later.
    watched.rename_over("c.wasm", "good as well");
    watched.live("c", "good as well");
    assert_eq!(watched.chain(), ["b.wasm=good", "c.wasm=good as well"]);
    let settling = |status: &FileStatus| status.file == "a.wasm" && matches!(status.state, FileState::Settling { .. });
    assert!(watched.dir.status().iter().any(settling), "{:?}", watched.dir.status());
    watched.record.1.open();
    watched.live("a", "good and slow");
    assert_eq!(watched.chain(), ["a.wasm=good and slow", "b.wasm=good", "c.wasm=good as well"]);
}

#[test]
fn a_module_that_has_changed_or_gone_while_it_was_loaded_does_not_go_live() {
    let mut watched = Watched::start(&hasty(), &[]);
    watched.rename_over("a.wasm", "good and slow");
    watched.rename_over("b.wasm", "good and slow, too");
    // Both are being loaded.
    let given_up = Instant::now() + PATIENCE;
    while watched.record.0.lock().loaded.len() < 2 {
        assert!(Instant::now() < given_up, "they are not loaded");
        thread::yield_now();
    }
    fs::remove_file(watched.path.join("b.wasm")).unwrap();
    watched.rename_over("a.wasm", "good");
    watched.live("a", "good");
    watched.record.1.open();
    watched.after_another_look();
    assert_eq!(watched.chain(), ["a.wasm=good", "zz.wasm=good marker"]);
    let chains = watched.record.0.lock().chains.clone();
    assert!(!chains.iter().flatten().any(|policy| policy.contains("slow")), "not for a moment either: {chains:?}");
    let slow = watched.record.0.lock().loaded.iter().filter(|content| content.contains("slow")).count();
    assert_eq!(slow, 2, "each was loaded once");
}

#[test]
fn many_modules_that_take_long_are_loaded_by_few_threads() {
    let files: Vec<_> = (0..40).map(|number| format!("{number:02}.wasm")).collect();
    let slow: Vec<_> = files.iter().map(|file| (file.as_str(), "good and slow")).collect();
    let watched = Watched::start(&hasty(), &slow);
    assert_eq!(watched.missing().len(), 40);
    // As many as there are threads have begun, and wait.
    assert!(watched.record.0.lock().loaded.len() <= 8, "{}", watched.record.0.lock().loaded.len());
    watched.record.1.open();
    let mut watched = watched;
    while watched.chain().len() < 40 {
        watched.wait(|event| matches!(event, PolicyEvent::Live { .. }));
    }
}

#[test]
fn what_has_gone_while_it_waited_is_not_loaded() {
    let files: Vec<_> = (0..8).map(|number| format!("{number}.wasm")).collect();
    let mut modules: Vec<_> = files.iter().map(|file| (file.as_str(), "good and slow")).collect();
    // All threads wait, and so does this one for them.
    modules.push(("a.wasm", "good, and gone"));
    let mut watched = Watched::start(&hasty(), &modules);
    assert!(watched.missing().contains(&"a".into()));
    fs::remove_file(watched.path.join("a.wasm")).unwrap();
    let given_up = Instant::now() + PATIENCE;
    while watched.missing().contains(&"a".into()) {
        assert!(Instant::now() < given_up, "it is not given up");
        thread::yield_now();
    }
    watched.record.1.open();
    // What comes later is loaded later.
    watched.after_another_look();
    let loaded = watched.record.0.lock().loaded.clone();
    assert!(!loaded.iter().any(|content| content.contains("gone")), "{loaded:?}");
}

#[test]
fn what_waits_when_the_directory_is_let_go_is_not_loaded() {
    let files: Vec<_> = (0..40).map(|number| format!("{number:02}.wasm")).collect();
    let slow: Vec<_> = files.iter().map(|file| (file.as_str(), "good and slow")).collect();
    let Watched { record, dir, .. } = Watched::start(&hasty(), &slow);
    drop(dir);
    record.1.open();
    // Whoever loads has the loader.
    let given_up = Instant::now() + PATIENCE;
    while Arc::strong_count(&record.0) > 1 {
        assert!(Instant::now() < given_up, "there are still threads that load");
        thread::yield_now();
    }
    assert!(record.0.lock().loaded.len() <= 8, "{}", record.0.lock().loaded.len());
}

#[test]
fn what_there_is_no_room_for_is_loaded_later() {
    // Of ten modules as large as they may be, there is room for four and one more.
    let large = format!("good {}", "x".repeat(900));
    let files: Vec<_> = (0..10).map(|number| format!("{number}.wasm")).collect();
    let modules: Vec<_> = files.iter().map(|file| (file.as_str(), large.as_str())).collect();
    let settle = Duration::from_millis(20);
    let options = DirOptions { settle, max_module_size: 1000, max_wait: PATIENCE, ..DirOptions::default() };
    let watched = Watched::start(&options, &modules);
    assert_eq!(watched.chain().len(), 10, "all are live when the first scan is complete");
    let chains: Vec<_> = watched.record.0.lock().chains.iter().map(Vec::len).collect();
    assert_eq!(chains, [5, 10]);
}

#[test]
fn a_module_that_takes_long_at_the_start_is_missing_until_it_is_loaded() {
    let mut watched = Watched::start(&hasty(), &[("a.wasm", "good and slow"), ("b.wasm", "good")]);
    assert_eq!((watched.chain(), watched.missing()), (vec!["b.wasm=good".into()], vec!["a".into()]));
    watched.record.1.open();
    watched.live("a", "good and slow");
    assert_eq!(watched.missing(), Vec::<Arc<str>>::new());
}
