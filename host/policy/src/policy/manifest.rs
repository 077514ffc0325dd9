//! NAME.toml: what the operator says about a policy.

use std::{fmt, time::Duration};

use toml::{Table, Value};

use super::observe::one_line;

/// Attribute names that this host knows, on a connection and on a session.
pub(super) const ATTRIBUTES: [&str; 1] = ["site"];
const KEYS: &str = "settings, mode, share, on-failure, attributes, budget-ms, memory, instances";
/// What an instance may be given at most: the pool's slots hold no more.
pub(super) const MAX_MEMORY: usize = 1 << 30;
const MIN_MEMORY: usize = 64 << 10;
const MAX_BUDGET_MS: i64 = 10_000;
/// The share of a policy that is asked about every connection, in percent.
pub(super) const WHOLE: u8 = 100;
/// Warm instances of one policy at most; far more than any machine has cores for.
pub(super) const MAX_INSTANCES: usize = 1_024;

/// What a failed call of a policy counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// An objection: not kept, not resumed. The client does a full handshake.
    #[default]
    Object,
    /// No opinion. For policies that are not about security.
    Abstain,
}

/// Whether a policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It is asked about copies of the facts, off the handshake, and its verdicts are only counted
    /// and compared with what was decided.
    Shadow,
}

impl Mode {
    /// As NAME.toml has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// The content of a NAME.toml. The default is that of a policy without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The text it was read from, which is part of what a policy's hash stands for.
    pub(super) source: String,
    /// `[settings]`, flattened: dotted keys for tables, repeated keys for arrays, in file order.
    pub settings: Vec<(String, String)>,
    /// `mode`: whether the policy decides.
    pub mode: Mode,
    /// `share`: the percentage of connections that it is asked about, from 1 to 100, chosen by the
    /// peer's address. Sessions that carry its note it is asked about on every connection. One kept
    /// outside its share has none, like one kept before it came.
    pub share: u8,
    /// `on-failure`: what a failed call counts as.
    pub on_failure: OnFailure,
    /// `attributes`: names of the attributes that the policy is given.
    pub attributes: Vec<String>,
    /// `budget-ms`: what one call may take, waiting included. None: the handshake's budget.
    pub budget: Option<Duration>,
    /// `memory`: bytes of linear memory of one instance, those that it begins with included. None:
    /// the runtime's default.
    pub memory: Option<usize>,
    /// `instances`: warm instances. None: the runtime's default.
    pub instances: Option<usize>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            source: String::new(),
            settings: Vec::new(),
            mode: Mode::default(),
            share: WHOLE,
            on_failure: OnFailure::default(),
            attributes: Vec::new(),
            budget: None,
            memory: None,
            instances: None,
        }
    }
}

/// A NAME.toml that does not say what a policy needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub hint: String,
}

impl Manifest {
    /// The manifest in a TOML text.
    ///
    /// # Errors
    /// The text is not TOML, has an unknown key, or a value out of range.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| ManifestError {
            expected: "TOML".into(),
            found: in_one_line(&error, text),
            hint: "Correct the syntax (https://toml.io) and save the file again.".into(),
        })?;
        let mut manifest = Self { source: text.into(), ..Self::default() };
        for (key, value) in &table {
            match key.as_str() {
                "settings" => {
                    let Value::Table(settings) = value else {
                        return Err(wrong("`settings` to be a table", value, "Put settings under [settings]."));
                    };
                    settings.iter().for_each(|(key, value)| flatten(key, value, &mut manifest.settings));
                }
                "mode" => manifest.mode = mode(value)?,
                "share" => manifest.share = integer("share", value, 1, WHOLE.into())? as u8,
                "on-failure" => manifest.on_failure = on_failure(value)?,
                "attributes" => manifest.attributes = attributes(value)?,
                "budget-ms" => {
                    manifest.budget = Some(Duration::from_millis(integer("budget-ms", value, 1, MAX_BUDGET_MS)?));
                }
                "memory" => manifest.memory = Some(memory(value)?),
                "instances" => {
                    manifest.instances = Some(integer("instances", value, 1, MAX_INSTANCES as i64)? as usize);
                }
                unknown => {
                    return Err(ManifestError {
                        expected: format!("one of the keys {KEYS}"),
                        found: one_line(&format!("`{unknown}`")).into_owned(),
                        hint: "A policy's own settings go under [settings].".into(),
                    });
                }
            }
        }
        Ok(manifest)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; found {}. {}", self.expected, self.found, self.hint)
    }
}

/// What is wrong with a TOML text, and where, as the log has it: the parser's own words draw a
/// picture over several lines.
fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().trim().replace('\n', ", ");
    let message = one_line(&message);
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("{message} (line {})", before.matches('\n').count() + 1),
        None => message.into_owned(),
    }
}

/// Tables become dotted keys, arrays repeated ones, every value text.
fn flatten(key: &str, value: &Value, settings: &mut Vec<(String, String)>) {
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(inner, value)| flatten(&format!("{key}.{inner}"), value, settings))
        }
        Value::Array(values) => values.iter().for_each(|value| flatten(key, value, settings)),
        Value::String(text) => settings.push((key.into(), text.clone())),
        other => settings.push((key.into(), other.to_string())),
    }
}

fn mode(value: &Value) -> Result<Mode, ManifestError> {
    match value.as_str() {
        Some("enforce") => Ok(Mode::Enforce),
        Some("shadow") => Ok(Mode::Shadow),
        _ => Err(wrong(
            "`mode` to be \"enforce\" or \"shadow\"",
            value,
            "\"enforce\", the default, lets the policy decide; \"shadow\" only counts what it would have decided.",
        )),
    }
}

fn on_failure(value: &Value) -> Result<OnFailure, ManifestError> {
    match value.as_str() {
        Some("object") => Ok(OnFailure::Object),
        Some("abstain") => Ok(OnFailure::Abstain),
        _ => Err(wrong(
            "`on-failure` to be \"object\" or \"abstain\"",
            value,
            "\"object\", the default, makes a failed call a full handshake; \"abstain\" makes it no opinion.",
        )),
    }
}

fn attributes(value: &Value) -> Result<Vec<String>, ManifestError> {
    let expected = format!("`attributes` to be an array of names that this host knows: {}", ATTRIBUTES.join(", "));
    let hint = "Remove the name, or run a host that knows it.";
    let Value::Array(names) = value else { return Err(wrong(&expected, value, hint)) };
    let mut attributes = Vec::new();
    for name in names {
        match name.as_str() {
            Some(known) if ATTRIBUTES.contains(&known) => attributes.push(known.to_owned()),
            _ => return Err(wrong(&expected, name, hint)),
        }
    }
    Ok(attributes)
}

fn memory(value: &Value) -> Result<usize, ManifestError> {
    let bytes = match value {
        Value::Integer(bytes) => usize::try_from(*bytes).ok(),
        Value::String(text) => parse_size(text),
        _ => None,
    };
    bytes.filter(|bytes| (MIN_MEMORY..=MAX_MEMORY).contains(bytes)).ok_or_else(|| {
        wrong(
            "`memory` to be from 64 KiB to 1 GiB, in bytes or as \"32 MiB\"",
            value,
            "Leave it out for the server's default.",
        )
    })
}

fn parse_size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

fn integer(key: &str, value: &Value, min: i64, max: i64) -> Result<u64, ManifestError> {
    match value {
        Value::Integer(number) if (min..=max).contains(number) => Ok(number.unsigned_abs()),
        _ => Err(wrong(
            &format!("`{key}` to be a whole number from {min} to {max}"),
            value,
            "Leave it out for the server's default.",
        )),
    }
}

fn wrong(expected: &str, found: &Value, hint: &str) -> ManifestError {
    let found = one_line(&format!("`{found}`")).into_owned();
    ManifestError { expected: expected.into(), found, hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_arrive_flattened_as_text_in_file_order() {
        let manifest = Manifest::parse(
            r#"
            [settings]
            zone = "a b"
            fast = true
            limit = 1.5
            names = ["x", "y"]
            sites = [{ name = "one", port = 1 }, { name = "two" }]
            [settings.limits]
            per-host = [1, 2]
            "a.example".days = 3
            "#,
        )
        .unwrap();
        let expected = [
            ("zone", "a b"),
            ("fast", "true"),
            ("limit", "1.5"),
            ("names", "x"),
            ("names", "y"),
            ("sites.name", "one"),
            ("sites.port", "1"),
            ("sites.name", "two"),
            ("limits.per-host", "1"),
            ("limits.per-host", "2"),
            ("limits.a.example.days", "3"),
        ];
        assert_eq!(manifest.settings, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn limits_and_modes_are_read() {
        let text =
            "on-failure = \"abstain\"\nattributes = [\"site\"]\nbudget-ms = 5\nmemory = \"32 MiB\"\ninstances = 3
            mode = \"shadow\"\nshare = 10";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.on_failure, OnFailure::Abstain);
        assert_eq!(manifest.attributes, ["site"]);
        assert_eq!(manifest.budget, Some(Duration::from_millis(5)));
        assert_eq!(manifest.memory, Some(32 << 20));
        assert_eq!(manifest.instances, Some(3));
        assert_eq!((manifest.mode, manifest.share), (Mode::Shadow, 10));
        let bare = Manifest::parse("").unwrap();
        assert_eq!((bare.mode, bare.share), (Mode::Enforce, 100));
        assert_eq!(Manifest::parse("memory = 131072").unwrap().memory, Some(131_072));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_known_ones() {
        let error = Manifest::parse("lifetime = 3").unwrap_err().to_string();
        assert!(error.contains("`lifetime`") && error.contains(KEYS), "{error}");
    }

    #[test]
    fn an_unknown_attribute_is_an_error_that_names_the_known_ones() {
        let error = Manifest::parse("attributes = [\"site\", \"ja4\"]").unwrap_err().to_string();
        assert!(error.contains("`\"ja4\"`") && error.contains("knows: site"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_their_key() {
        for (text, key) in [
            ("on-failure = \"ignore\"", "on-failure"),
            ("mode = \"canary\"", "mode"),
            ("share = 0", "share"),
            ("share = 101", "share"),
            ("share = \"10%\"", "share"),
            ("budget-ms = 0", "budget-ms"),
            ("budget-ms = \"5\"", "budget-ms"),
            ("memory = \"32 MB\"", "memory"),
            ("memory = -1", "memory"),
            ("memory = \"99999999999999999999 GiB\"", "memory"),
            ("instances = 0", "instances"),
            ("settings = 1", "settings"),
            ("attributes = \"site\"", "attributes"),
        ] {
            let error = Manifest::parse(text).unwrap_err().to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
        assert!(Manifest::parse("settings = {").unwrap_err().to_string().contains("TOML"));
    }

    #[test]
    fn what_is_no_toml_is_told_in_one_line_with_its_place() {
        let error = Manifest::parse("on-failure = \"abstain\"\n[settings\n").unwrap_err();
        assert!(!error.found.contains('\n') && error.found.contains("line 2"), "{error}");
    }

    #[test]
    fn what_a_text_says_over_several_lines_is_told_in_one() {
        for text in ["\"two\\nlines\" = 1", "memory = '''\ntwo\nlines'''"] {
            let error = Manifest::parse(text).unwrap_err();
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
