//! `--log`: what is logged.

use std::{fmt, str::FromStr};

use super::{argument::ArgumentError, text::value_of_the_file};
use crate::log::rooms::{ROOMS, by_target};

/// What holds for modules that no level is given for.
const REST: &str = "info";

/// Levels, the one for the rest first, in the notation of tracing's EnvFilter. Modules are named as users know them
/// (`reprise::serve`), whatever crate they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    #[cfg(test)]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same by the targets of events, for tracing's EnvFilter.
    pub(crate) fn by_target(&self) -> String {
        self.0.split(',').map(by_target).collect::<Vec<_>>().join(",")
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self(REST.into())
    }
}

impl FromStr for LogFilter {
    type Err = ArgumentError;

    /// A word that is no level is none of a module either: an EnvFilter would take it for one, and silence the rest, errors too.
    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let refused = |why: &str| {
            ArgumentError::new(format!(
                "`{text}` is not a filter: {why}; write a level like `debug`, or `info,reprise::serve=debug`"
            ))
        };
        let (mut rest, mut modules) = (None, Vec::new());
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                None if !is_level(part) => {
                    return Err(refused("a level is one of error, warn, info, debug, trace and off"));
                }
                None if rest.is_some() => return Err(refused("it has two levels for everything")),
                None => rest = Some(part),
                Some((module, _)) if !is_module(module) => {
                    return Err(refused("before a `=` stands a module, like reprise::serve"));
                }
                Some((_, level)) if !is_level(level) => {
                    return Err(refused("behind a `=` stands a level: error, warn, info, debug, trace or off"));
                }
                Some(_) => modules.push(part),
            }
        }
        modules.insert(0, rest.unwrap_or(REST));
        Ok(Self(modules.join(",")))
    }
}

fn is_level(word: &str) -> bool {
    ["error", "warn", "info", "debug", "trace", "off"].iter().any(|level| word.eq_ignore_ascii_case(level))
}

/// Of Reprise's modules those that there are; of another's, whatever looks like one.
fn is_module(path: &str) -> bool {
    let is_identifier = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut words = path.split("::");
    let ours = words.next() == Some("reprise");
    path.split("::").all(is_identifier)
        && words.next().is_none_or(|module| !ours || ROOMS.iter().any(|(room, _)| *room == module))
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

value_of_the_file!(LogFilter);

#[cfg(test)]
mod tests {
    use tracing_subscriber::EnvFilter;

    use super::*;

    #[test]
    fn a_filter_has_a_level_for_the_rest() {
        for (text, filter) in [
            ("debug", "debug"),
            ("WARN", "WARN"),
            ("off", "off"),
            ("reprise::serve=debug", "info,reprise::serve=debug"),
            ("reprise::serve=debug,warn, wasmtime=off", "warn,reprise::serve=debug,wasmtime=off"),
            ("reprise=trace,reprise::policy::sandbox=off", "info,reprise=trace,reprise::policy::sandbox=off"),
        ] {
            assert_eq!(text.parse::<LogFilter>().unwrap().as_str(), filter);
            let by_target = text.parse::<LogFilter>().unwrap().by_target();
            assert!(EnvFilter::try_new(&by_target).is_ok(), "{by_target}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_an_example() {
        for text in [
            "",
            "warning",
            "none",
            "verbose",
            "4",
            "info,",
            "info,debug",
            "a=b=c",
            "=debug",
            "reprise::serve",
            "reprise::srve=debug",
            "reprise::=debug",
            "reprise::serve=verbose",
            "reprise::serve=",
            "reprise[span]=debug",
        ] {
            let error = text.parse::<LogFilter>().expect_err(text).to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("`info,reprise::serve=debug`"), "{error}");
        }
    }
}
