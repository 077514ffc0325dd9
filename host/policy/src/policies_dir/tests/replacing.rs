//! Content that changes goes live, once and whole.

use super::*;

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
