//! What cannot be used costs nothing that works.

use super::*;

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
fn what_is_said_to_stay_is_what_is_live() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("20-a.wasm", "good 20")]);
        // A file of the same name and a lower number takes over, and the one that was live counts no more.
        watched.rename_over("10-a.wasm", "good 10");
        let (reason, keeping) = watched.rejected("20-a.wasm");
        assert!(reason.contains("10-a.wasm"), "{reason}");
        assert_eq!(keeping, Some(2));
        let live =
            |event: &PolicyEvent| matches!(event, PolicyEvent::Live { file, generation: 2, .. } if file == "10-a.wasm");
        assert!(watched.seen.iter().any(live), "{:?}", watched.seen);
        assert_eq!(watched.chain(), ["10-a.wasm=good 10"]);
    });
}

#[test]
fn what_cannot_take_over_leaves_what_is_live() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[("20-a.wasm", "good 20")]);
        watched.rename_over("10-a.wasm", "broken");
        assert_eq!(watched.rejected("20-a.wasm").1, Some(1));
        assert_eq!(watched.chain(), ["20-a.wasm=good 20"]);
    });
}

#[test]
fn modules_beyond_the_most_are_rejected_and_unload_nothing() {
    both_ways(|options| {
        let options = DirOptions { max_modules: 2, ..options };
        let mut watched = Watched::start(&options, &[("20-a.wasm", "good a"), ("30-b.wasm", "good b")]);
        watched.rename_over("10-c.wasm", "good c");
        watched.live("c", "good c");
        let (reason, keeping) = watched.rejected("30-b.wasm");
        assert!(reason.contains("after 2 others"), "{reason}");
        assert_eq!(keeping, Some(1));
        assert_eq!(watched.chain(), ["10-c.wasm=good c", "20-a.wasm=good a", "30-b.wasm=good b"]);
    });
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
