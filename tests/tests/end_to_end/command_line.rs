//! What an operator types, and what the program answers when that is wrong.

use std::{
    path::Path,
    process::{Command, Output},
};

use reprise_fixtures::{Callback, policies};
use reprise_tests::{Client, Place, Server, Version, built};

fn reprise(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new(built::server()).args(arguments).env_remove("RUST_LOG").output().expect("the program starts");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn check_says_ok_of_what_would_go_live_and_ends_with_status_0() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("20-tenants.wasm", built::policy("tenants"));
    place.policy("20-tenants.toml", "[settings]\nrequire-certificate = true\n");
    let files = ["policies/10-calm.wasm", "policies/20-tenants.wasm"].map(|file| place.arg(file));
    let (well, said) = reprise(&["check", &files[0], &files[1]]);
    assert!(well, "{said}");
    for file in &files {
        assert!(said.lines().any(|line| line.starts_with("ok: ") && line.contains(file.as_str())), "{said}");
    }
    assert!(said.contains("policy `tenants`"), "{said}");
}

#[test]
fn check_says_of_each_bad_file_what_was_expected_and_what_was_found_and_ends_with_status_1() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("configured.toml", "[settings]\nsingle-use = [\"a..example\"]\n");
    let bad: [(&str, Vec<u8>, &[&str]); 5] = [
        ("garbage.wasm", b"garbage".to_vec(), &["component"]),
        ("silent.wasm", policies::none_of_the_callbacks(), &["new-session", "get-session", "remove-session"]),
        ("trapping.wasm", policies::trap_in_probe(Callback::Get), &["get-session"]),
        ("looping.wasm", policies::loop_in_probe(Callback::New), &["new-session"]),
        ("configured.wasm", built::policy("lifetimes"), &["single-use", "a..example"]),
    ];
    for (name, content, found) in bad {
        place.policy(name, content);
        let file = place.arg(&format!("policies/{name}"));
        let good = place.arg("policies/10-calm.wasm");
        let (well, said) = reprise(&["check", &file, &good]);
        assert!(!well, "{said}");
        let rejection = said.split("ok: ").next().unwrap_or_default();
        assert!(rejection.starts_with("rejected: ") && rejection.contains(&file), "{said}");
        assert!(rejection.contains("expected"), "{said}");
        assert!(found.iter().all(|found| rejection.contains(found)), "{found:?} in {said}");
        assert!(said.contains(&format!("ok: {good}")), "the next file is looked at all the same: {said}");
    }
    let (well, said) = reprise(&["check", "/no/such.wasm"]);
    assert!(!well && said.contains("/no/such.wasm"), "{said}");
    assert!(!reprise(&["check"]).0, "nothing to check");
}

#[test]
fn serve_names_what_is_wrong_with_its_options_and_what_it_expected() {
    let place = Place::new();
    let (cert, key) = (place.arg("server.crt"), place.arg("server.key"));
    place.write("broken.toml", "lifetme = '2h'\n");
    let config = place.arg("broken.toml");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--listen", "8443"], &["--listen", "`8443`", "127.0.0.1:8443"]),
        (&["--lifetime", "2"], &["--lifetime", "`2`", "`2h`"]),
        (&["--lifetime", "2d"], &["--lifetime", "--max-lifetime"]),
        (&["--store", "lists"], &["--store", "`lists`", "`memory`", "`disk:PATH`"]),
        (&["--store", "disk:"], &["--store", "`disk:`", "`disk:/var"]),
        (&["--store", "disk:/tmp/d"], &["--store", "--keyring", "reprise keys new"]),
        (&["--keyring", "/no/such/keyring"], &["--keyring", "/no/such/keyring", "No such file", "a directory that is"]),
        (&["--keyring", "/keyring"], &["--keyring", "`reprise keys new /keyring` makes one"]),
        (&["--lifetime", "99999d"], &["--lifetime", "`99999d`", "at most `36500d`"]),
        (&["--store", "memory:64"], &["--store", "`64`", "1MiB or more", "`64MiB`"]),
        (&["--site", "a.example=/no/cert,/no/key"], &["--site: cannot read /no/cert", "expected a file in PEM"]),
        (&["--site", "a.example=/,/"], &["--site: cannot read /: it is a directory; expected a regular file\n"]),
        (&["--site", "a.example=one"], &["--site", "NAME=CERT,KEY"]),
        (&["--client-auth", "required"], &["--client-auth", "--client-ca"]),
        (&["--client-ca", "/no/such.pem"], &["--client-ca: ", "/no/such.pem", "No such file"]),
        (&["--min-tls", "1.3", "--max-tls", "1.2"], &["--min-tls", "--max-tls"]),
        (&["--ciphers", "NONE-SUCH"], &["--ciphers", "NONE-SUCH"]),
        (&["--tickets", "many"], &["--tickets", "many"]),
        (&["--admin", "everywhere:9090"], &["--admin", "`everywhere:9090`", "`9090`"]),
        (&["--log", "a=b=c"], &["--log", "a=b=c", "debug"]),
        (&["--config", &config], &["broken.toml", "`lifetme`", "`lifetime`"]),
        (&["--listn", "127.0.0.1:0"], &["--listn", "--listen"]),
    ];
    for (arguments, named) in cases {
        let listen: &[&str] = if arguments.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let all = [&["serve", "--cert", &cert, "--key", &key], listen, arguments].concat();
        let (well, said) = reprise(&all);
        assert!(!well && !said.contains("listening on"), "{arguments:?}: {said}");
        assert!(named.iter().all(|named| said.contains(named)), "{arguments:?} lacks one of {named:?}: {said}");
    }
}

#[test]
fn serve_says_which_address_is_taken_and_which_file_is_wrong() {
    let place = Place::new();
    let running = place.serve(&[]);
    let (cert, key) = (place.arg("server.crt"), place.arg("server.key"));
    let taken = running.address().to_string();
    let (well, said) = reprise(&["serve", "--cert", &cert, "--key", &key, "--listen", &taken]);
    assert!(!well && said.contains(&taken) && said.contains("--listen"), "{said}");
    let (well, said) = reprise(&["serve", "--cert", &key, "--key", &key, "--listen", "127.0.0.1:0"]);
    assert!(!well && said.contains("server.key holds no certificate"), "{said}");
}

#[test]
fn each_command_says_what_is_wrong_with_a_file_and_what_to_do() {
    let place = Place::new();
    place.write("text", "x");
    let (text, nowhere, own) = (place.arg("text"), place.arg("no/such"), place.arg("own"));
    let cases: &[(&[&str], &[&str])] = &[
        (&["serve", "--listen", "127.0.0.1:0", "--cert", &nowhere], &["--cert: ", &nowhere, "expected a file in PEM"]),
        (&["keys", "rotate", &own], &[&own, &format!("`reprise keys new {own}` makes one")]),
        (&["keys", "new", &nowhere], &[&nowhere, "expected it in a directory that is there"]),
        (&["sign", "--key", &text, &text], &[&text, "(Missing encoded key in secret key):", "reprise sign --new-key"]),
        (&["build", &text], &[&text, "no policy's project", "reprise new NAME"]),
        (&["new", "own", "--lang", "wat", "--dir", &format!("{text}/own")], &[&text, "cannot be written: Not a dir"]),
    ];
    for (arguments, named) in cases {
        let (well, said) = reprise(arguments);
        assert!(!well, "{arguments:?}: {said}");
        assert!(named.iter().all(|named| said.contains(named)), "{arguments:?} lacks one of {named:?}: {said}");
        // Neither what the system said nor anything else twice.
        assert!(said.matches("(os error").count() <= 1, "{arguments:?}: {said}");
    }
}

#[test]
fn help_shows_every_option_with_its_default() {
    let (well, said) = reprise(&["serve", "--help"]);
    assert!(well);
    for option in [
        "--listen",
        "--backend",
        "--alpn",
        "--cert",
        "--key",
        "--site",
        "--client-ca",
        "--client-auth",
        "--policies",
        "--lifetime",
        "--max-lifetime",
        "--tickets",
        "--store",
        "--config",
        "--log",
        "--handshake-timeout",
        "--admin",
        "--state-dir",
    ] {
        assert!(said.contains(&format!("{option} <")), "{option} in {said}");
    }
    assert!(said.matches("[default: ").count() >= 20, "{said}");
}

#[test]
fn options_may_come_from_a_file_and_the_command_line_wins() {
    let place = Place::new();
    place.write("reprise.toml", "lifetime = \"10m\"\ntickets = 2\n");
    let config = place.arg("reprise.toml");
    for (arguments, lifetime) in
        [(vec!["--config", &config], 600), (vec!["--config", &config, "--lifetime", "5m"], 300)]
    {
        let server = place.serve(&arguments);
        let report = Client::new(Version::Tls13).first_visit(server.address()).report;
        assert_eq!(report.expires.unwrap() - report.authenticated.unwrap(), lifetime);
    }
}

#[test]
fn without_a_certificate_a_self_signed_one_is_made_and_kept() {
    let place = Place::new();
    let state = place.arg("state");
    let start = || Server::start(&built::server(), &["serve", "--listen", "127.0.0.1:0", "--state-dir", &state], &[]);
    let files = |server: Server| {
        Client::new(Version::Tls13).asking_for(Some("localhost")).first_visit(server.address());
        let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(Path::new(&state))
            .expect("the directory was made")
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_stem().is_some_and(|stem| stem == "localhost"))
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let first = files(start());
    assert!(!first.is_empty());
    assert_eq!(files(start()), first, "a restart serves the same");
}
