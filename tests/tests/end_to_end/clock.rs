//! A wall clock that is set back, under a server that runs.

use std::{fs, path::PathBuf};

use reprise_tests::{Client, Place, Version};

/// libfaketime, where the systems have it.
fn faketime() -> PathBuf {
    let here = |folder: PathBuf| Some(folder.join("faketime/libfaketimeMT.so.1")).filter(|library| library.exists());
    let found = ["/usr/lib", "/usr/lib64"].iter().find_map(|folder| {
        let inner = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        here(folder.into()).or_else(|| inner.into_iter().find_map(here))
    });
    found.expect("libfaketime is not there. Install it, then try again:\n  apt-get install faketime")
}

#[test]
fn time_does_not_go_back_with_the_machines_clock() {
    let place = Place::new();
    place.write("clock", "+0");
    let (library, clock) = (faketime(), place.arg("clock"));
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", &clock),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    let server = place.serve_in(&["--lifetime", "1h", "--max-lifetime", "1h"], &environment);
    let clients = Version::BOTH.map(Client::new);
    let first = clients.each_ref().map(|client| client.first_visit(server.address()));
    place.write("clock", "-36000");
    server.log().line(&["the system's clock was set back by 36000 s"]);
    for (client, first) in clients.iter().zip(first) {
        let times = |report: &reprise_tests::Report| (report.authenticated.unwrap(), report.expires.unwrap());
        let (before, later) = (times(&first.report), times(&client.first_visit(server.address()).report));
        assert!(before.0 <= later.0 && before.1 <= later.1, "{before:?}, then {later:?}");
        assert!(client.revisit(server.address(), &first.session).reused);
    }
}
