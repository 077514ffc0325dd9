//! The file of `--config`: options in TOML.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use reprise_session::reading;

use super::Options;

/// The largest configuration that is read.
const MOST: u64 = 4 << 20;

/// The options in a TOML file.
///
/// # Errors
/// The file cannot be read or has a key that is no option; the message names file, line and the known keys. It shows nothing of
/// the file but that: a store's password may be on the line.
pub(crate) fn read(file: &Path) -> Result<Options> {
    let shown = file.display();
    let text = reading::read_text_once(file, MOST).context("--config")?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let why = without_password(error.message());
        let key = error.span().and_then(|span| key_at(&text, span.start)).map(|key| format!("`{key}`: "));
        let key = key.unwrap_or_default();
        anyhow!(
            "line {line} of the configuration {shown}: {key}{why}; its keys are the options of `reprise serve --help`"
        )
    })
}

/// The key whose value is at this place of the file, maybe lines below it.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let key = |line| -> Option<&str> {
        let key = str::trim(str::split_once(line, '=')?.0);
        (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(key)
    };
    text[..end].lines().rev().find_map(key)
}

/// The text, without what stands in a URL before its `@`.
fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://").map(|at| at + 3) {
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\''))
            .map_or(rest.len(), |end| at + end);
        let host = rest[at..end].rfind('@').map_or(at, |sign| at + sign);
        shown += &rest[..at];
        if host > at {
            shown += "…";
        }
        shown += &rest[host..end];
        rest = &rest[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_file_and_the_known_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("reprise.toml");
        std::fs::write(&file, "lifetme = '2h'\n").unwrap();
        let error = format!("{:#}", read(&file).unwrap_err());
        assert!(
            error.contains("reprise.toml") && error.contains("`lifetme`") && error.contains("`lifetime`"),
            "{error}"
        );
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
            let error = format!("{:#}", read(&file).map(drop).expect_err(line));
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
        let error = format!("{:#}", read(Path::new("/no/such/reprise.toml")).unwrap_err());
        assert!(error.contains("/no/such/reprise.toml"), "{error}");
    }
}
