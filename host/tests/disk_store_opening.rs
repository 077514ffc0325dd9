//! What files `store::Disk` opens, and which it refuses.

use crate::support;

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use reprise::store::{Consume, Disk, DiskError, DiskOptions, Store};
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
fn a_store_of_a_later_version_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    beside(dir.path()).pragma_update(None, "user_version", 7).unwrap();
    let refused = Disk::open(dir.path(), DiskOptions::default()).unwrap_err();
    assert!(matches!(refused, DiskError::Later { found: 7, latest: 2, .. }), "{refused}");
}

/// The file was written by the first build that had stores on disk. Whatever the version is by now, what is in there is found.
#[test]
fn the_first_version_of_the_store_opens_and_its_sessions_resume() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sessions.sqlite"), include_bytes!("disk_store/version-1.sqlite")).unwrap();
    let store = open(dir.path());
    let found = fetch_with(&store, &id(1), Consume::Never, 200).unwrap();
    assert_eq!((&*found.record, found.remaining, found.since), ([7; 100].as_slice(), Some(800), Some(100)));
    assert_eq!(*notices(&store).lock().unwrap(), [notice(1, 1_000)]);
    store.put(id(2), entry(100), 0);
    written(&store);
    assert_eq!(store.usage().sessions, 2);
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
