use std::time::Duration;

use reprise::policy::Manifest;
use toml::{Table, Value};

use crate::is_one_line;

/// NAME.toml: what is taken keeps to the limits and has every setting in it; what is not is refused in one line.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let manifest = match Manifest::parse(text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let error = error.to_string();
            return assert!(is_one_line(&error), "{error:?}");
        }
    };
    let milliseconds = |budget: Duration| (1..=10_000).contains(&budget.as_millis());
    assert!(manifest.budget.is_none_or(milliseconds), "{manifest:?}");
    assert!(manifest.memory.is_none_or(|bytes| (64 << 10..=1 << 30).contains(&bytes)), "{manifest:?}");
    assert!(manifest.instances.is_none_or(|count| (1..=1_024).contains(&count)), "{manifest:?}");
    assert!(manifest.attributes.iter().all(|name| name == "site"), "{manifest:?}");

    let table: Table = text.parse().expect("what was taken is TOML");
    let values: Vec<String> = table.get("settings").map(leaves).unwrap_or_default();
    assert!(manifest.settings.iter().map(|(_, value)| value).eq(&values), "{manifest:?}");
}

/// The values in `value`, as text, in order.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Table(table) => table.iter().flat_map(|(_, value)| leaves(value)).collect(),
        Value::Array(values) => values.iter().flat_map(leaves).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}
