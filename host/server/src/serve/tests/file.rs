//! Options of the file: what is wrong with it.

use std::path::Path;

use crate::{hosting::read, serve::Options};

#[test]
fn an_unknown_key_is_an_error_that_names_the_file_and_the_known_keys() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reprise.toml");
    std::fs::write(&file, "lifetme = '2h'\n").unwrap();
    let error = format!("{:#}", read::<Options>(&file, "serve").unwrap_err());
    assert!(error.contains("reprise.toml") && error.contains("`lifetme`") && error.contains("`lifetime`"), "{error}");
}

#[test]
fn an_error_in_the_file_names_its_line_and_shows_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reprise.toml");
    for (line, named) in [
        ("store = ['memory:lots', 'redis://u:PASSWORD@s:6379']", "`store`: the size of `memory:lots`: `lots`"),
        ("store = [\n'redis://u:PASSWORD@s:6379',\n7]", "`store`: "),
        ("store = ['redis://u:PASSWORD@s:6379', 7]", "`7`"),
        ("store = ['redis://u:PASSWORD@s:6379'", "array"),
        ("strore = 'redis://u:PASSWORD@s:6379'", "`strore`"),
        ("store = 'redis://u:PASSWORD@s:port'", "redis"),
        ("store = 'redsi://u:PASSWORD@s'", "`redsi`"),
        ("copy-age = 'redis://u:PASSWORD@s'", "redis://…@s"),
        ("lifetime = [\"redis://u:PASSWORD@s\"]", "expected"),
    ] {
        std::fs::write(&file, format!("tickets = 2\n{line}\n")).unwrap();
        let error = format!("{:#}", read::<Options>(&file, "serve").map(drop).expect_err(line));
        let at = 2 + line.matches('\n').count();
        assert!(error.contains(&format!("line {at} of")) && error.contains(named), "{line}: {error}");
        assert!(!error.contains("PASSWORD"), "{error}");
    }
}

#[test]
fn the_example_of_a_fleet_makes_options() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fleet.md")).unwrap();
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let options: Options = toml::from_str(block).unwrap();
    assert_eq!(options.store.len(), 2);
    // Where the container has a place for it, and looks for the server's health.
    let container =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/container/Containerfile"));
    let state = options.state_dir.unwrap().to_str().unwrap().to_owned();
    assert!(container.unwrap().contains(&format!("\"--state-dir\", \"{state}\"]")));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = format!("{:#}", read::<Options>(Path::new("/no/such/reprise.toml"), "serve").unwrap_err());
    assert!(error.contains("/no/such/reprise.toml"), "{error}");
}
