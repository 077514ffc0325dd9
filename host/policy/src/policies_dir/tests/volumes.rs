//! Directories that are mounted, swapped, lost, or silent.

use reprise_session::following::Hint;

use super::*;

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

/// A volume as the kubelet writes it (`AtomicWriter`): the files lie in a directory with a timestamp for a name, `..data`
/// links to that, and each file is a link into `..data`. An update makes another directory and renames a link over `..data`.
struct Volume<'a>(&'a Watched);

impl Volume<'_> {
    fn publish(&self, version: &str, files: &[(&str, &str)]) {
        let root = &self.0.path;
        let before = fs::read_link(root.join("..data")).ok();
        let made = root.join(version);
        fs::create_dir(&made).unwrap();
        for (file, content) in files {
            fs::write(made.join(file), content).unwrap();
        }
        symlink(version, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        for (file, _) in files {
            if !root.join(file).is_symlink() {
                symlink(format!("..data/{file}"), root.join(file)).unwrap();
            }
        }
        // Last, what is no more: by now its links lead nowhere.
        for file in fs::read_dir(root).unwrap() {
            let path = file.unwrap().path();
            if path.is_symlink() && !path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
        if let Some(before) = before {
            fs::remove_dir_all(root.join(before)).unwrap();
        }
    }
}

#[test]
fn a_kubernetes_volume_is_followed_through_its_data_link() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[]);
        Volume(&watched).publish("..2026_11_23_10_00_00.1", &[("a.wasm", "good 1"), ("b.wasm", "good 1")]);
        assert_eq!(watched.live("b", "good 1"), 1);
        Volume(&watched).publish("..2026_11_23_10_00_00.2", &[("a.wasm", "good 2"), ("b.wasm", "good 2")]);
        assert_eq!(watched.live("b", "good 2"), 2);
        let chains = watched.record.0.lock().chains.clone();
        let one_step = chains.iter().any(|chain| chain[..] == ["a.wasm=good 2", "b.wasm=good 2"]);
        let torn = chains.iter().any(|chain| chain[..] == ["a.wasm=good 2", "b.wasm=good 1"]);
        assert!(one_step && !torn, "the swap of one link changes both at once: {chains:?}");
    });
}

#[test]
fn a_kubernetes_volume_whose_modules_or_settings_change_is_followed() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[]);
        Volume(&watched).publish("..1", &[("a.wasm", "good a"), ("b.wasm", "good b")]);
        watched.live("b", "good b");
        Volume(&watched).publish("..2", &[("a.wasm", "broken"), ("b.wasm", "good b"), ("b.toml", "x = 1")]);
        assert_eq!(watched.live("b", "good b"), 2);
        assert!(matches!(watched.dir.status()[0].state, FileState::Rejected { keeping: Some(1), .. }));
        Volume(&watched).publish("..3", &[("b.wasm", "good b"), ("c.wasm", "good c")]);
        watched.live("c", "good c");
        watched.after_another_look();
        assert_eq!(watched.chain(), ["b.wasm=good b", "c.wasm=good c", "zz.wasm=good marker"]);
    });
}

#[test]
fn a_content_published_again_under_another_timestamp_is_left_alone() {
    both_ways(|options| {
        let mut watched = Watched::start(&options, &[]);
        Volume(&watched).publish("..1", &[("a.wasm", "good")]);
        watched.live("a", "good");
        Volume(&watched).publish("..2", &[("a.wasm", "good")]);
        watched.after_another_look();
        assert_eq!(watched.record.0.lock().loaded, ["good", "good marker"]);
    });
}

#[test]
fn an_overflow_of_the_event_queue_finds_what_its_lost_events_were_of() {
    // Neither event nor poll: the overflow is the only hint.
    let options = DirOptions { settle: Duration::from_millis(20), poll: NEVER, events: false, ..DirOptions::default() };
    let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
    watched.rename_over("a.wasm", "good 2");
    watched.rename_over("b.wasm", "good");
    watched.dir.here().unwrap().shared.bell.ring(watch::rings(&watched.path, Hint::Anywhere));
    watched.live("b", "good");
    assert_eq!(watched.chain(), ["a.wasm=good 2", "b.wasm=good"]);
}

#[test]
fn in_a_directory_without_events_a_poll_sees_even_a_change_that_keeps_size_and_time() {
    let settle = Duration::from_millis(20);
    let options = DirOptions { settle, poll: settle, events: false, ..DirOptions::default() };
    let mut watched = Watched::start(&options, &[("a.wasm", "good 1")]);
    let path = watched.path.join("a.wasm");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    for round in 2..5 {
        let content = format!("good {round}");
        fs::write(&path, &content).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(watched.live("a", &content), round);
    }
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
