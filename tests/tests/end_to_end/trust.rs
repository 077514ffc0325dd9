//! Who may drop a policy, as an operator does it, and what a restart may take from the disk.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use reprise_fixtures::policies;
use reprise_tests::{Place, built};

/// A place with a key, made as an operator does, whose public half is in `keys`.
fn with_key() -> Place {
    let place = Place::new();
    reprise(&["sign", "--new-key", &place.arg("team"), "--no-password"], true);
    fs::copy(place.path("team.pub"), place.path("keys")).unwrap();
    place
}

fn reprise(arguments: &[&str], well: bool) -> String {
    let output = Command::new(built::server()).args(arguments).env_remove("RUST_LOG").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.success(), well, "{arguments:?}: {said}");
    said
}

#[test]
fn a_policy_goes_live_once_it_is_signed_and_check_says_so_beforehand() {
    let place = with_key();
    let (key, keys, file) = (place.arg("team"), place.arg("keys"), place.arg("policies/10-calm.wasm"));
    assert_eq!(fs::metadata(place.path("team")).unwrap().mode() & 0o777, 0o600, "the secret half is for its owner");
    let server = place.serve(&["--policy-keys", &keys]);
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("10-calm.toml", "on-failure = \"abstain\"\n");
    server.log().line(&["rejected", "10-calm.wasm.sig (signature)", "no signature", "reprise sign"]);
    assert!(reprise(&["check", "--policy-keys", &keys, &file], false).contains("no signature"));
    reprise(&["sign", "--key", &key, &file], true);
    server.live("calm", 1);
    assert!(reprise(&["check", "--policy-keys", &keys, &file], true).contains("ok: "));

    place.policy("10-calm.wasm", policies::refuse_new());
    server.log().line(&["rejected", "older than the module", "keeping generation 1"]);
    reprise(&["sign", "--key", &key, &file], true);
    server.live("calm", 2);
}

#[test]
fn a_key_is_not_overwritten_and_a_file_that_is_none_is_named() {
    let place = with_key();
    let (key, file) = (place.arg("team"), place.arg("policies/calm.wasm"));
    assert!(reprise(&["sign", "--new-key", &key, "--no-password"], false).contains("is there already"));
    place.policy("calm.wasm", policies::no_opinion());
    assert!(reprise(&["sign", "--key", &file, &file], false).contains("calm.wasm"));
    assert!(reprise(&["check", "--policy-keys", &file, &file], false).contains("--policy-keys"));
    assert!(reprise(&["sign", "--key", &key, &key], false).contains("NAME.wasm"));
}

#[test]
fn who_else_may_write_policies_is_warned_of_and_refused_if_strict() {
    let place = with_key();
    let (policies, keys) = (place.arg("policies"), place.arg("keys"));
    let set = |mode| fs::set_permissions(place.path("policies"), Permissions::from_mode(mode)).unwrap();
    set(0o775);
    place.serve(&[]).log().line(&["WARN", &policies, "its group", "chmod go-w"]);
    let strict = ["serve", "--policies", &policies, "--strict", "--state-dir", &place.arg("state")];
    assert!(reprise(&[&strict[..], &["--listen", "127.0.0.1:0"]].concat(), false).contains("its group"));
    set(0o755);
    fs::set_permissions(place.path("keys"), Permissions::from_mode(0o666)).unwrap();
    let refused = reprise(&[&strict[..], &["--policy-keys", &keys]].concat(), false);
    assert!(refused.contains("--policy-keys") && refused.contains("everyone"), "{refused}");
}

#[test]
fn a_restart_takes_compiled_policies_from_its_state_directory_unless_they_were_changed() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.serve(&[]).live("calm", 1);
    let entry = || {
        let mut files = fs::read_dir(place.path("state/compiled")).unwrap().map(|file| file.unwrap().path());
        files.find(|file| file.extension().is_some_and(|extension| extension == "compiled")).expect("one entry")
    };
    let written = fs::metadata(entry()).unwrap().ino();
    let server = place.serve(&[]);
    server.live("calm", 1);
    assert!(!server.log().text().contains("compiled code"), "it is in no doubt");
    assert_eq!(fs::metadata(entry()).unwrap().ino(), written, "it was not compiled and written again");
    drop(server);

    let good = fs::read(entry()).unwrap();
    let mut code = good.clone();
    let middle = code.len() / 2;
    code[middle] ^= 1;
    fs::write(entry(), code).unwrap();
    let server = place.serve(&[]);
    server.live("calm", 1);
    server.log().line(&["WARN", "compiled code is not used", "changed since"]);
    assert!(fs::read(entry()).unwrap() == good, "it was compiled and written again");
}
