//! The directory's promises, on a real directory. A loader that takes what begins with `good` stands in for the sandbox.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::symlink,
    thread,
    time::{Duration, SystemTime},
};

use super::*;
use crate::policies_dir::FileState;

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
fn a_rename_over_goes_live_the_old_generation_drains_and_goes_when_a_later_one_is_kept() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("10-a.wasm", "good 1")]);
        let held = watched.record.0.lock().policies[0].clone();
        watched.rename_over("10-a.wasm", "good 2");
        assert_eq!(watched.live("a", "good 2"), 2);
        assert_eq!(watched.chain(), ["10-a.wasm=good 2"]);
        watched.wait(|event| matches!(event, PolicyEvent::Draining { generation: 1, .. }));
        assert_eq!(watched.record.0.lock().retired, 1);
        watched.rename_over("10-a.wasm", "good 3");
        watched.wait(|event| matches!(event, PolicyEvent::Draining { generation: 2, .. }));
        let gone = |event: &PolicyEvent| matches!(event, PolicyEvent::Gone { generation: 1, .. });
        assert!(!watched.after_another_look().iter().any(gone), "a handshake still holds it");
        drop(held);
        watched.dir.rescan();
        watched.wait(gone);
        assert!(
            !watched.seen.iter().any(|event| matches!(event, PolicyEvent::Gone { generation: 2, .. })),
            "it is kept"
        );
    });
}

#[test]
fn a_file_written_in_place_in_pieces_is_loaded_whole_and_only_once() {
    let mut watched = Watched::start(&patient(), &[]);
    let mut file = File::create(watched.path.join("a.wasm")).unwrap();
    file.write_all(b"half").unwrap();
    watched.wait(|event| matches!(event, PolicyEvent::Seen { .. }));
    for piece in ["good", " and", " whole"] {
        file = if piece == "good" { File::create(watched.path.join("a.wasm")).unwrap() } else { file };
        file.write_all(piece.as_bytes()).unwrap();
        watched.dir.rescan();
    }
    assert_eq!(watched.live("a", "good and whole"), 1);
    assert_eq!(watched.record.0.lock().loaded, ["good and whole"]);
}

#[test]
fn a_burst_of_writes_ends_in_the_last_content() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[]);
        for round in 0..300 {
            fs::write(watched.path.join("a.wasm"), format!("good {round}")).unwrap();
        }
        watched.live("a", "good 299");
        watched.after_another_look();
        assert_eq!(watched.chain(), ["a.wasm=good 299", "zz.wasm=good marker"]);
    });
}

#[test]
fn a_file_that_never_stops_changing_is_never_loaded_and_holds_up_no_other() {
    let options = DirOptions {
        settle: Duration::from_millis(100),
        max_wait: Duration::from_millis(300),
        poll: NEVER,
        ..DirOptions::default()
    };
    let mut watched = Watched::start(&options, &[]);
    let restless = watched.path.join("restless.wasm");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = thread::spawn(move || {
        let mut file = File::create(restless).unwrap();
        file.write_all(b"good").unwrap();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(b"+").unwrap();
            file.set_len(4096).unwrap();
            thread::yield_now();
        }
    });
    watched.wait(|event| matches!(event, PolicyEvent::Seen { file, .. } if file == "restless.wasm"));
    watched.rename_over("a.wasm", "good");
    watched.live("a", "good");
    assert_eq!(watched.record.0.lock().loaded, ["good"]);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    watched.wait(|event| matches!(event, PolicyEvent::Live { name, .. } if name == "restless"));
}

#[test]
fn what_stays_broken_is_rejected_once_and_the_live_one_stays() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        watched.rename_over("a.wasm", "broken");
        assert_eq!(watched.rejected("a.wasm"), ("not good".into(), Some(1)));
        let touched = File::options().write(true).open(watched.path.join("a.wasm")).unwrap();
        touched.set_modified(SystemTime::now() - NEVER).unwrap();
        let rejections = |events: &[PolicyEvent]| {
            events.iter().filter(|event| matches!(event, PolicyEvent::Rejected { .. })).count()
        };
        assert_eq!(rejections(watched.after_another_look()), 1);
        assert_eq!(watched.chain(), ["a.wasm=good", "zz.wasm=good marker"]);
        let state = watched.dir.status().swap_remove(0).state;
        assert!(matches!(state, FileState::Rejected { keeping: Some(1), .. }), "{state:?}");
        watched.rename_over("a.wasm", "good again");
        assert_eq!(watched.live("a", "good again"), 2, "a rejected module takes no number");
    });
}

#[test]
fn going_back_to_the_live_content_takes_the_rejection_back() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        watched.rename_over("a.wasm", "broken");
        watched.rejected("a.wasm");
        watched.rename_over("a.wasm", "good");
        watched.after_another_look();
        let state = watched.dir.status().swap_remove(0).state;
        assert!(matches!(state, FileState::Live { generation: 1, .. }), "{state:?}");
    });
}

#[test]
fn a_module_that_makes_the_loader_panic_is_rejected() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        watched.rename_over("a.wasm", "panic");
        assert!(watched.rejected("a.wasm").0.contains("panicked"));
        watched.after_another_look();
    });
}

#[test]
fn a_touch_makes_no_new_generation() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        let touched = File::options().write(true).open(watched.path.join("a.wasm")).unwrap();
        touched.set_modified(SystemTime::now() - NEVER).unwrap();
        watched.rename_over("a.wasm", "good");
        watched.after_another_look();
        assert_eq!(watched.record.0.lock().loaded, ["good", "good marker"]);
    });
}

#[test]
fn a_deleted_module_is_unloaded_and_its_generations_count_on_when_it_is_back() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good"), ("b.wasm", "good b")]);
        fs::remove_file(watched.path.join("a.wasm")).unwrap();
        assert_eq!(watched.unloaded("a"), 1);
        assert_eq!(watched.chain(), ["b.wasm=good b"]);
        watched.rename_over("a.wasm", "good");
        assert_eq!(watched.live("a", "good"), 2);
        assert_eq!(watched.chain(), ["a.wasm=good", "b.wasm=good b"]);
    });
}

#[test]
fn a_lost_directory_unloads_nothing_and_counts_again_when_it_is_back() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good a"), ("b.wasm", "good b")]);
        for round in 0..3 {
            let away = watched.root.path().join(format!("away-{round}"));
            fs::rename(&watched.path, &away).unwrap();
            watched.wait(|event| matches!(event, PolicyEvent::DirectoryLost { .. }));
            assert_eq!(watched.chain().len(), 2);
            // Another directory, filled before it is put in place, as a deployment does.
            let made = watched.root.path().join("made");
            fs::create_dir(&made).unwrap();
            fs::write(made.join("a.wasm"), "good a").unwrap();
            fs::write(made.join("b.wasm"), format!("good b {round}")).unwrap();
            fs::rename(made, &watched.path).unwrap();
            watched.wait(|event| matches!(event, PolicyEvent::DirectoryBack));
            watched.live("b", &format!("good b {round}"));
            assert_eq!(watched.chain(), ["a.wasm=good a".to_string(), format!("b.wasm=good b {round}")]);
            watched.rename_over("a.wasm", &format!("new {round}"));
            watched.rejected("a.wasm");
            watched.rename_over("a.wasm", "good a");
        }
        fs::remove_dir_all(&watched.path).unwrap();
        watched.wait(|event| matches!(event, PolicyEvent::DirectoryLost { .. }));
        fs::create_dir(&watched.path).unwrap();
        watched.unloaded("a");
        watched.rename_over("a.wasm", "good at last");
        watched.live("a", "good at last");
        assert_eq!(watched.chain(), ["a.wasm=good at last"]);
    });
}

#[test]
fn two_policies_changed_at_once_go_live_in_one_step() {
    let mut watched = Watched::start(&patient(), &[("a.wasm", "good 1"), ("b.wasm", "good 1")]);
    watched.rename_over("a.wasm", "good 2");
    watched.rename_over("b.wasm", "good 2");
    watched.live("b", "good 2");
    let chains = watched.record.0.lock().chains.clone();
    assert_eq!(chains, [["a.wasm=good 1", "b.wasm=good 1"], ["a.wasm=good 2", "b.wasm=good 2"]]);
}

#[test]
fn a_changed_manifest_reloads_its_policy_and_a_bad_one_is_rejected() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("a.wasm", "good"), ("b.wasm", "good b")]);
        fs::write(watched.path.join("a.toml"), "x = 1").unwrap();
        assert_eq!(watched.live("a", "good"), 2);
        fs::write(watched.path.join("a.toml"), "bad").unwrap();
        assert_eq!(watched.rejected("a.wasm"), ("bad manifest".into(), Some(2)));
        fs::write(watched.path.join("a.toml"), b"\xff").unwrap();
        assert!(watched.rejected("a.wasm").0.contains("a.toml is not UTF-8"));
        fs::remove_file(watched.path.join("a.toml")).unwrap();
        assert_eq!(watched.live("a", "good"), 3);
        let loaded = watched.record.0.lock().loaded.clone();
        assert_eq!(loaded.iter().filter(|content| *content == "good b").count(), 1);
    });
}

#[test]
fn of_two_files_with_one_name_the_first_counts_and_the_other_is_rejected_naming_both() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("10-a.wasm", "good 10"), ("20-a.wasm", "good 20")]);
        assert_eq!(watched.chain(), ["10-a.wasm=good 10"]);
        let FileState::Rejected { reason, keeping } = watched.dir.status().pop().unwrap().state else { panic!() };
        assert!(reason.contains("10-a.wasm") && reason.contains("20-a.wasm"), "{reason}");
        assert_eq!(keeping, Some(1));
        fs::remove_file(watched.path.join("10-a.wasm")).unwrap();
        assert_eq!(watched.live("a", "good 20"), 2);
        assert_eq!(watched.chain(), ["20-a.wasm=good 20"]);
        assert!(!watched.after_another_look().iter().any(|event| matches!(event, PolicyEvent::Unloaded { .. })));
    });
}

#[test]
fn a_policy_moved_in_the_order_is_never_unloaded() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("10-a.wasm", "good a"), ("20-b.wasm", "good b")]);
        fs::rename(watched.path.join("10-a.wasm"), watched.path.join("30-a.wasm")).unwrap();
        watched.live("a", "good a");
        assert_eq!(watched.chain(), ["20-b.wasm=good b", "30-a.wasm=good a"]);
        assert!(watched.record.0.lock().chains.iter().all(|chain| chain.len() == 2));
    });
}

#[test]
fn a_kubernetes_volume_is_followed_through_its_data_link() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[]);
        let publish = |watched: &Watched, version: u32| {
            let data = watched.path.join(format!("..{version}"));
            fs::create_dir(&data).unwrap();
            fs::write(data.join("a.wasm"), format!("good {version}")).unwrap();
            symlink(format!("..{version}"), watched.path.join("..data_tmp")).unwrap();
            fs::rename(watched.path.join("..data_tmp"), watched.path.join("..data")).unwrap();
        };
        publish(&watched, 1);
        symlink("..data/a.wasm", watched.path.join("a.wasm")).unwrap();
        assert_eq!(watched.live("a", "good 1"), 1);
        publish(&watched, 2);
        assert_eq!(watched.live("a", "good 2"), 2);
    });
}

#[test]
fn a_change_at_the_far_end_of_a_link_is_seen_by_the_poll() {
    let settle = Duration::from_millis(20);
    let options = DirOptions { settle, poll: settle, ..DirOptions::default() };
    let mut watched = Watched::start(&options, &[]);
    let far = watched.root.path().join("far");
    fs::write(&far, "good 1").unwrap();
    symlink(&far, watched.path.join("a.wasm")).unwrap();
    watched.live("a", "good 1");
    fs::write(&far, "good 2").unwrap();
    watched.live("a", "good 2");
}

#[test]
fn a_module_over_the_size_limit_is_rejected_unread() {
    both_ways(|options| {
        let options = DirOptions { max_module_size: 12, ..options };
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        watched.rename_over("a.wasm", "good but too long");
        let (reason, keeping) = watched.rejected("a.wasm");
        assert!(reason.contains("larger than 12 bytes"), "{reason}");
        assert_eq!(keeping, Some(1));
    });
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
    let running = watched.dir.running.as_mut().unwrap();
    running.process = 0; // As a forked child finds it: the process is not the one that started the thread.
    let shared = running.shared.clone();
    let Watched { dir, .. } = watched;
    let held = (shared.subscribers.lock(), shared.bell.hold());
    dir.rescan();
    assert!(dir.subscribe().recv().is_err(), "nobody would send");
    assert!(dir.status().is_empty());
    drop(dir);
    drop(held);
    shared.bell.ring(Rings { stop: true, ..Rings::default() });
}
