//! The file of `--config`: options in TOML.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use reprise_session::reading;
use serde::de::DeserializeOwned;

/// The largest configuration that is read.
const MOST: u64 = 4 << 20;

/// The options of this command in a TOML file.
///
/// # Errors
/// The file cannot be read or has a key that is no option; the message names file, line and the known keys. It shows nothing of
/// the file but that: a store's password may be on the line.
pub(crate) fn read<Options: DeserializeOwned>(file: &Path, command: &str) -> Result<Options> {
    let shown = file.display();
    let text = reading::read_text_once(file, MOST).context("--config")?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let why = without_password(error.message());
        let key = error.span().and_then(|span| key_at(&text, span.start)).map(|key| format!("`{key}`: "));
        let key = key.unwrap_or_default();
        anyhow!(
            "line {line} of the configuration {shown}: {key}{why}; its keys are the options of `reprise {command} --help`"
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
