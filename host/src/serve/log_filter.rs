//! `--log`: what is logged.

use std::{fmt, str::FromStr};

use super::{argument::ArgumentError, text::value_of_the_file};

/// What holds for modules that no level is given for.
const REST: &str = "info";

/// Levels, the one for the rest first, in the notation of tracing's EnvFilter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    /// In the notation of EnvFilter. A module is one of `reprise` to whoever reads the log, whichever of its crates has it.
    pub(crate) fn directives(&self) -> String {
        let mut directives = self.0.clone();
        for module in self.0.split(',').filter_map(|part| part.strip_prefix(OURS)?.strip_prefix("::")) {
            for inner in INNER {
                directives.push_str(&format!(",{inner}::{module}"));
            }
        }
        directives
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

/// Of our modules those that there are; of another's, whatever looks like one.
fn is_module(path: &str) -> bool {
    let is_identifier = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut words = path.split("::");
    let ours = words.next() == Some(OURS);
    path.split("::").all(is_identifier) && words.next().is_none_or(|module| !ours || MODULES.contains(&module))
}

/// What the modules of all our crates are under, in a filter.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// The crates below this one.
const INNER: [&str; 3] = ["reprise_session", "reprise_policy", "reprise_store"];

/// Ours.
const MODULES: [&str; 22] = [
    "accept",
    "admin",
    "always",
    "aside",
    "callbacks",
    "cli",
    "clock",
    "conformance",
    "handshake",
    "host",
    "metrics",
    "ownership",
    "policies_dir",
    "policy",
    "reading",
    "replace",
    "revocation",
    "serve",
    "session",
    "status",
    "store",
    "vital",
];

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

value_of_the_file!(LogFilter);

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        path::Path,
        sync::{Arc, Mutex},
    };

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
            assert_eq!(text.parse::<LogFilter>().unwrap().to_string(), filter);
            assert!(EnvFilter::try_new(filter).is_ok(), "{filter}");
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

    #[test]
    fn a_filter_reaches_the_crates_below() {
        let filter: LogFilter = "warn,reprise::store::disk=debug".parse().unwrap();
        let logged = Arc::new(Mutex::new(Vec::new()));
        let heard = logged.clone();
        let writer = move || Heard(heard.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter.directives()).unwrap())
            .with_writer(writer)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "reprise_store::store::disk::file", "one");
            tracing::debug!(target: "reprise_store::store::redis", "two");
            tracing::debug!(target: "reprise::store::disk", "three");
        });
        let logged = String::from_utf8(logged.lock().unwrap().clone()).unwrap();
        assert_eq!(["one", "two", "three"].map(|word| logged.contains(word)), [true, false, true], "{logged}");
    }

    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_filter_names_modules_that_there_are() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sources = ["src", "session/src", "policy/src", "store/src"].map(|of_a_crate| host.join(of_a_crate));
        let ours = |name: &&str| {
            sources.iter().any(|sources| sources.join(name).is_dir() || sources.join(format!("{name}.rs")).is_file())
        };
        let not_there: Vec<_> = MODULES.iter().filter(|name| !ours(name)).collect();
        assert_eq!(not_there, [&"always"], "the target that no filter holds back");
        for entry in sources.iter().flat_map(|sources| std::fs::read_dir(sources).unwrap()) {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(LOG_NOTHING.contains(&name) || MODULES.contains(&name), "{name}");
        }
    }

    const LOG_NOTHING: [&str; 12] = [
        "lib",
        "bin",
        "benches",
        "fuzzing",
        "hex",
        "histogram",
        "log",
        "names",
        "printable",
        "process",
        "signing",
        "verdict",
    ];
}
