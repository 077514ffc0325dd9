//! The keyring, as an operator makes and rotates it and as a running server takes it up.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use reprise_tests::{Client, Place, Server, Version, built};

/// What `reprise keys` answers, and whether it went well.
fn keys(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(built::server()).arg("keys").args(arguments).output().expect("the program starts");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn secrets(keyring: &str) -> Vec<String> {
    let lines = keyring.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.filter_map(|line| line.split(' ').nth(2)).map(str::to_owned).collect()
}

fn serving(place: &Place) -> Server {
    place.serve(&["--keyring", &place.arg("keyring")])
}

#[test]
fn a_keyring_is_made_rotated_and_listed_without_a_secret_being_shown() {
    let place = Place::new();
    let file = place.arg("keyring");
    let (well, made) = keys(&["new", &file]);
    assert!(well && made.contains(&file), "{made}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (well, again) = keys(&["new", &file]);
    assert!(!well && again.contains("is there already") && again.contains("keys rotate"), "{again}");

    let (well, rotated) = keys(&["rotate", &file]);
    assert!(well, "{rotated}");
    let (_, listed) = keys(&["list", &file]);
    let what: Vec<_> = listed.lines().map(|line| line.rsplit_once("  ").unwrap().1).collect();
    assert_eq!(what, ["seals and opens", "opens, seals later"], "{listed}");
    // A key that seals at once takes over; a second rotation drops what has not sealed for the time given.
    assert!(keys(&["rotate", &file, "--in", "0s"]).0);
    let (_, dropped) = keys(&["rotate", &file, "--in", "0s", "--keep", "0s"]);
    assert!(dropped.contains("dropped "), "{dropped}");

    let content = fs::read_to_string(&file).unwrap();
    let secrets = secrets(&content);
    assert!(secrets.len() >= 2 && secrets.iter().all(|secret| secret.len() == 64), "{}", secrets.len());
    for shown in [made, again, rotated, listed, dropped] {
        assert!(!secrets.iter().any(|secret| shown.contains(secret.as_str())), "{shown}");
    }
}

#[test]
fn a_keyring_that_others_may_read_is_refused_by_name() {
    let place = Place::new();
    let file = place.arg("keyring");
    assert!(keys(&["new", &file]).0);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let refused = Command::new(built::server())
        .args(["serve", "--cert", &place.arg("server.crt"), "--key", &place.arg("server.key")])
        .args(["--listen", "127.0.0.1:0", "--state-dir", &place.arg("state"), "--keyring", &file])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains(&file) && said.contains("640") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_server_takes_up_new_keys_and_sessions_of_before_go_on_resuming() {
    let place = Place::new();
    let file = place.arg("keyring");
    assert!(keys(&["new", &file]).0);
    let server = serving(&place);
    let visited = [Version::Tls12, Version::Tls13].map(|version| {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        (client, session)
    });
    for rotation in 1..=2 {
        assert!(keys(&["rotate", &file, "--in", "0s"]).0);
        server.log().lines(&["the keyring's keys are in force"], rotation);
        for (client, session) in &visited {
            assert!(client.revisit(server.address(), session).reused, "rotation {rotation}");
            let new = client.first_visit(server.address()).session;
            assert!(client.revisit(server.address(), &new).reused, "rotation {rotation}");
        }
    }
}

#[test]
fn a_keyring_that_is_spoilt_while_serving_is_named_and_the_keys_stay() {
    let place = Place::new();
    let file = place.arg("keyring");
    assert!(keys(&["new", &file]).0);
    let server = serving(&place);
    let client = Client::new(Version::Tls12);
    let session = client.first_visit(server.address()).session;
    let good = fs::read(&file).unwrap();
    fs::write(&file, "reprise-keyring 1\ngarbage\n").unwrap();
    let complaint = server.log().line(&["keeping the keys as they were", "line 2"]);
    assert!(complaint.contains(&file), "{complaint}");
    assert!(client.revisit(server.address(), &session).reused);
    fs::write(&file, good).unwrap();
    server.log().line(&["the keyring's keys are in force"]);
    assert!(client.revisit(server.address(), &session).reused);
}
