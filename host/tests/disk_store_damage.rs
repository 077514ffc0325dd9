//! What somebody does to the files of a store on disk while processes use it, or before: no process ends, no two use different
//! files, and nothing that was revoked comes back.

use crate::support;

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
    time::Duration,
};

use reprise::store::{Consume, Disk, DiskError, DiskOptions, FetchError, Notice, Store};
use support::{
    disk::*,
    store::{entry, id},
};

const FILE: &str = "sessions.sqlite";
const ASIDE: &str = "sessions.sqlite.damaged";

/// A time that does not come.
const NEVER: u64 = 1 << 40;

/// What is done to a file while stores use it.
type Change = (&'static str, fn(&Path));

/// After these there is another file, or none.
const MOVES: [Change; 5] = [
    ("removed", |dir| fs::remove_file(dir.join(FILE)).unwrap()),
    ("moved", |dir| fs::rename(dir.join(FILE), dir.join("elsewhere")).unwrap()),
    ("removed with its directory", |dir| fs::remove_dir_all(dir).unwrap()),
    ("replaced by an empty one", |dir| replace(dir, |new| fs::write(new, "").unwrap())),
    ("replaced by its copy", |dir| replace(dir, |new| assert!(fs::copy(dir.join(FILE), new).is_ok()))),
];

fn replace(dir: &Path, make: impl FnOnce(&Path)) {
    let new = dir.join("new");
    make(&new);
    assert!(Command::new("chmod").arg("600").arg(&new).status().unwrap().success());
    fs::rename(new, dir.join(FILE)).unwrap();
}

/// Puts a session, and waits until it is found.
fn keeps(store: &Disk, number: u64) {
    until("nothing is kept", || {
        store.put(id(number), entry(100), 0);
        written(store);
        matches!(ask(store, &id(number), Consume::Never, 0), Ok(Some(_)))
    });
}

#[test]
fn a_file_that_is_gone_or_another_splits_no_stores() {
    for (what, change) in MOVES {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sessions");
        let (one, other) = (open(&dir), open(&dir));
        keeps(&one, 1);
        assert!(fetch(&other, &id(1)).is_some(), "{what}");
        change(&dir);
        // Whoever asks first, it is one file for both.
        keeps(&one, 2);
        until("it is another file", || fetch(&other, &id(2)).is_some());
        let told = notices(&other);
        let known = publish(&one, notice(1, NEVER), PATIENCE);
        assert_eq!(known.len(), 2, "{what}: {known:?}");
        assert!(known.iter().all(|node| node.knows) && *told.lock().unwrap() == [notice(1, NEVER)], "{what}");
        assert!(fetch_with(&one, &id(2), Consume::Always, 0).is_some());
        assert!(fetch_with(&other, &id(2), Consume::Always, 0).is_none(), "{what}: consumed once");
    }
}

#[test]
fn who_publishes_in_a_file_that_took_the_place_of_another_hears_of_every_process() {
    for (what, change) in MOVES {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sessions");
        let (one, other) = (open(&dir), open(&dir));
        keeps(&one, 1);
        assert!(fetch(&other, &id(1)).is_some(), "{what}");
        change(&dir);
        // The other one has not come to say that it is there.
        let known = publish(&one, notice(1, NEVER), PATIENCE);
        assert!(known.len() == 2 && known.iter().all(|node| node.knows), "{what}: {known:?}");
    }
}

#[test]
fn what_is_removed_from_a_file_that_took_the_place_of_another_is_told() {
    for (_, change) in MOVES {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sessions");
        let (one, other) = (open(&dir), open(&dir));
        let told = invalidations(&other);
        keeps(&other, 0);
        // More changes than the next file comes to have.
        until("it is not told", || {
            (1..=200).for_each(|number| one.put(id(number), entry(100), 0));
            written(&one);
            (1..=200).for_each(|number| one.forget(&id(number)));
            (1..=200).all(|number| told.recv_timeout(Duration::from_secs(5)) == Ok(id(number)))
        });
        change(&dir);
        keeps(&one, 201);
        until("it is another file", || fetch(&other, &id(201)).is_some());
        // It may be that its thread has not looked yet, and begins with what comes after.
        until("it is not told", || {
            keeps(&one, 202);
            one.remove(&id(202));
            told.recv_timeout(Duration::from_secs(1)) == Ok(id(202))
        });
    }
}

#[test]
fn what_was_revoked_is_told_to_the_file_that_comes_next() {
    for (what, change) in MOVES {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sessions");
        let one = open(&dir);
        let told = notices(&one);
        publish(&one, notice(1, NEVER), Duration::ZERO);
        change(&dir);
        publish(&one, notice(2, NEVER), Duration::ZERO);
        let all = |told: &[Notice]| [1, 2].iter().all(|byte| told.contains(&notice(*byte, NEVER)));
        until("it forgets", || all(&told.lock().unwrap()));
        let next = open(&dir);
        let told = notices(&next);
        until("the next is not told", || {
            let _ = ask(&next, &id(7), Consume::Never, 0);
            all(&told.lock().unwrap())
        });
        println!("{what}: told");
    }
}

/// After these the file is no store any more, or no whole one.
const DAMAGE: [Change; 4] = [
    ("emptied", |file| OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap()),
    ("cut off", |file| {
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }),
    ("overwritten", |file| overwrite(file, 0)),
    ("overwritten after its first page", |file| overwrite(file, 4096)),
];

fn overwrite(file: &Path, from: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    let length = file.metadata().unwrap().len().max(8192 + from);
    file.write_all_at(&vec![0xa5; (length - from) as usize], from).unwrap();
}

#[test]
fn no_damage_ends_a_process_or_outlasts_a_moment() {
    for (what, damage) in DAMAGE {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let dir = tempfile::tempdir().unwrap();
            let (one, other) = (open(dir.path()), open(dir.path()));
            (0..500).for_each(|number| one.put(id(number), entry(100), 0));
            written(&one);
            assert!(fetch(&other, &id(0)).is_some());
            let file = dir.path().join(format!("{FILE}{suffix}"));
            if !file.exists() {
                fs::write(&file, [0xa5; 40_000]).unwrap();
            }
            damage(&file);
            for store in [&one, &other] {
                for number in 0..500 {
                    match ask(store, &id(number), Consume::Never, 0) {
                        Ok(_) | Err(FetchError::Unavailable(_)) => {}
                        Err(error) => panic!("{what}, {suffix}: {error}"),
                    }
                }
            }
            keeps(&one, 1_000);
            keeps(&other, 1_001);
            assert!(fetch(&one, &id(1_001)).is_some() && fetch(&other, &id(1_000)).is_some(), "{what}, {suffix}");
        }
    }
}

#[test]
fn a_directory_in_the_place_of_a_journal_or_a_log_is_set_aside() {
    for suffix in ["-journal", "-wal"] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        // Twice: the second takes the place of the first.
        for number in [1, 2] {
            keeps(&store, number);
            let stands = dir.path().join(format!("{FILE}{suffix}"));
            let _ = fs::remove_file(&stands);
            fs::create_dir_all(stands.join("a")).unwrap();
            keeps(&store, 10 + number);
            assert!(dir.path().join(format!("{ASIDE}{suffix}/a")).is_dir(), "{suffix}: nothing is lost");
        }
    }
}

#[test]
fn a_log_that_somebody_turns_on_is_used_by_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (open(dir.path()), open(dir.path()));
    keeps(&one, 1);
    assert!(fetch(&other, &id(1)).is_some());
    let somebody = beside(dir.path());
    somebody.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    somebody.execute_batch("CREATE TABLE of_somebody (a)").unwrap();
    until("it is not set aside", || {
        let _ = ask(&one, &id(1), Consume::Never, 0);
        dir.path().join(ASIDE).exists()
    });
    drop(somebody);
    // What was kept meanwhile may be set aside, too.
    until("it is another file", || {
        keeps(&one, 2);
        fetch(&other, &id(2)).is_some()
    });
    let logs = || ["-wal", "-shm"].map(|of_a_log| dir.path().join(format!("{FILE}{of_a_log}")).exists());
    assert_eq!(logs(), [false; 2]);
}

#[test]
fn a_store_with_a_log_is_taken_over_with_what_it_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let before = dir.path().join("before");
    let store = open(&before);
    keeps(&store, 1);
    drop(store);
    // As the first version wrote it, killed.
    let killed = beside(&before);
    killed.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    killed.execute_batch("UPDATE sessions SET fetches = 7").unwrap();
    // The log's index is not looked at: whatever stands in its place, nothing of it is mapped.
    let indices: [Change; 2] = [
        ("as it is", |_| {}),
        ("a directory", |index| {
            fs::remove_file(index).unwrap();
            fs::create_dir(index).unwrap();
        }),
    ];
    for (what, make) in indices {
        let after = dir.path().join(what);
        assert!(Command::new("cp").arg("-rp").args([&before, &after]).status().unwrap().success());
        make(&after.join(format!("{FILE}-shm")));
        let logs = || ["-wal", "-shm"].map(|of_a_log| after.join(format!("{FILE}{of_a_log}")).exists());
        assert_eq!(logs(), [true; 2]);
        let store = open(&after);
        assert_eq!(fetch(&store, &id(1)).map(|found| found.fetches), Some(7), "{what}");
        assert_eq!(logs(), [false; 2], "{what}");
    }
}

#[test]
fn what_is_no_store_at_the_start_is_set_aside() {
    let make: [Change; 6] = [
        ("text", |file| fs::write(file, "what nobody knows any more, long enough to be a header".repeat(100)).unwrap()),
        ("zeros", |file| fs::write(file, [0; 65_536]).unwrap()),
        ("a few bytes", |file| fs::write(file, [7; 40]).unwrap()),
        ("a directory", |file| fs::create_dir_all(file.join("a")).unwrap()),
        ("a FIFO", |file| assert!(Command::new("mkfifo").arg(file).status().unwrap().success())),
        ("a link to nowhere", |file| std::os::unix::fs::symlink("nowhere", file).unwrap()),
    ];
    let dir = tempfile::tempdir().unwrap();
    // One after the other: each takes the place of the one that was set aside before.
    for (what, make) in make {
        let file = dir.path().join(FILE);
        let _ = fs::remove_file(&file);
        make(&file);
        if file.is_file() {
            assert!(Command::new("chmod").arg("600").arg(&file).status().unwrap().success());
        }
        let store = Disk::open(dir.path(), DiskOptions::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        keeps(&store, 1);
        assert!(fs::symlink_metadata(dir.path().join(ASIDE)).is_ok(), "{what} is set aside");
    }
}

#[test]
fn a_file_cut_off_or_overwritten_is_set_aside_at_the_start() {
    for (what, damage) in DAMAGE {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        (0..1_000).for_each(|number| store.put(id(number), entry(100), 0));
        drop(store);
        damage(&dir.path().join(FILE));
        let store = Disk::open(dir.path(), DiskOptions::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        (0..1_000).for_each(|number| drop(ask(&store, &id(number), Consume::Never, 0)));
        keeps(&store, 1);
    }
}

#[test]
fn another_programs_database_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    beside(dir.path()).execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(dir.path().join(FILE)).unwrap();
    let refused = Disk::open(dir.path(), DiskOptions::default()).unwrap_err();
    assert!(matches!(refused, DiskError::NotOurs { .. }) && refused.to_string().contains("move it away"), "{refused}");
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
    // Nor is one that takes the place of a store.
    fs::rename(dir.path().join(FILE), dir.path().join("theirs")).unwrap();
    let store = open(dir.path());
    keeps(&store, 1);
    fs::rename(dir.path().join("theirs"), dir.path().join(FILE)).unwrap();
    until("it is not noticed", || ask(&store, &id(1), Consume::Never, 0).is_err());
    drop(store);
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
}

#[test]
fn a_store_that_takes_no_writes_is_not_reachable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    keeps(&store, 1);
    let trouble = || store.tiers().remove(0).trouble.unwrap_or_default();
    assert_eq!(trouble(), "");
    let beside = beside(dir.path());
    beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    until("it is reachable", || trouble().contains("could not be written"));
    assert!(fetch(&store, &id(1)).is_some(), "it is read");
    beside.execute_batch("ROLLBACK").unwrap();
    until("it is not reachable again", || trouble().is_empty());
    beside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    until("it is reachable", || trouble().contains("could not be read"));
    beside.execute_batch("ROLLBACK").unwrap();
    until("it is not reachable again", || trouble().is_empty());
}
