//! What files `store::Disk` opens, which it refuses, and what it says of damage.

mod support;

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    time::Duration,
};

use reprise::store::{Consume, Disk, DiskError, DiskOptions, FetchError, Store};
use support::{
    disk::*,
    store::{entry, id},
};

#[test]
fn the_directory_is_made_for_its_owner_and_refused_if_others_may_write_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/sessions");
    drop(open(&path));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("sessions.sqlite"))), (0o700, 0o600));
    for exposed in [path.clone(), dir.path().join("a")] {
        fs::set_permissions(&exposed, fs::Permissions::from_mode(0o770)).unwrap();
        let refused = Disk::open(&path, DiskOptions::default()).unwrap_err().to_string();
        assert!(refused.contains(exposed.to_str().unwrap()) && refused.contains("chmod go-w"), "{refused}");
        fs::set_permissions(&exposed, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sessions.sqlite");
    let refused = || Disk::open(dir.path(), DiskOptions::default()).unwrap_err();
    fs::write(&file, "what somebody else keeps here, and it is long enough to be a header".repeat(100)).unwrap();
    let before = fs::read(&file).unwrap();
    let error = refused();
    assert!(matches!(error, DiskError::NotOurs { .. }) && error.to_string().contains("move it away"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);

    fs::remove_file(&file).unwrap();
    beside(dir.path()).execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(refused(), DiskError::NotOurs { .. }));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_store_of_a_later_version_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    beside(dir.path()).pragma_update(None, "user_version", 7).unwrap();
    let refused = Disk::open(dir.path(), DiskOptions::default()).unwrap_err();
    assert!(matches!(refused, DiskError::Later { found: 7, latest: 1, .. }), "{refused}");
}

/// The file was written by the first build that had stores on disk. Whatever the version is by now, what is in there is found.
#[test]
fn the_first_version_of_the_store_opens_and_its_sessions_resume() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sessions.sqlite"), include_bytes!("disk_store/version-1.sqlite")).unwrap();
    let store = open(dir.path());
    let found = fetch_with(&store, &id(1), Consume::IfSingleUse, 200).unwrap();
    assert_eq!((&*found.record, found.remaining, found.since), ([7; 100].as_slice(), Some(800), Some(100)));
    assert_eq!(*notices(&store).lock().unwrap(), [notice(1, 1_000)]);
    store.put(id(2), entry(100), 0);
    written(&store);
    assert_eq!(store.usage().sessions, 2);
}

#[test]
fn a_file_that_was_cut_off_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..1_000).for_each(|number| store.put(id(number), entry(100), 0));
    drop(store);
    beside(dir.path()).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("sessions.sqlite")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let refused = Disk::open(dir.path(), DiskOptions::default()).unwrap_err();
    assert!(matches!(refused, DiskError::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("remove the directory"), "{refused}");
}

#[test]
fn damage_while_serving_is_an_answer_that_says_so_and_never_a_wrong_session() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..1_000).for_each(|number| store.put(id(number), entry(100), 0));
    written(&store);
    let beside = beside(dir.path());
    until("it is not all in the file", || {
        beside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)) == Ok(0)
    });
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("sessions.sqlite")).unwrap();
    let garbage = vec![0xa5; file.metadata().unwrap().len() as usize - 4_096];
    file.write_all_at(&garbage, 4_096).unwrap();
    // Another commit, and readers look at the file anew.
    beside.pragma_update(None, "user_version", 1).unwrap();
    let answers = (0..1_000).map(|number| ask(&store, &id(number), Consume::IfSingleUse, 0));
    let unavailable = answers.filter(|answer| match answer {
        Err(FetchError::Unavailable(why)) => why.to_string().contains("damaged"),
        Ok(found) => panic!("{found:?}"),
        Err(other) => panic!("{other}"),
    });
    assert_eq!(unavailable.count(), 1_000);
    store.put(id(1), entry(100), 0);
    written(&store);
    assert!(store.usage().dropped > 0);
}

/// Writes the file of [`the_first_version_of_the_store_opens_and_its_sessions_resume`]. For a new version, under another name.
#[test]
#[ignore = "makes a fixture"]
fn the_fixture_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.put(id(1), entry(100), 100);
    let _ = publish(&store, notice(1, 1_000), Duration::ZERO);
    drop(store);
    let beside = beside(dir.path());
    until("the store is not closed", || beside.execute_batch("PRAGMA journal_mode = DELETE").is_ok());
    beside.execute_batch("DELETE FROM nodes; VACUUM").unwrap();
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/disk_store/version-1.sqlite");
    fs::copy(dir.path().join("sessions.sqlite"), made).unwrap();
}
