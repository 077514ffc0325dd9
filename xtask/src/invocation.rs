//! The command line.

use reprise_authoring::Language;

use crate::{debian::Wish, languages::LANGUAGES, package::Source};

/// What `cargo xtask help` shows.
pub const HELP: &str = "\
cargo xtask COMMAND

  serve [-- ARGS]        Builds everything and serves TLS on 127.0.0.1:8443 with the policies in ./policies, which the
                         first run makes. ARGS go to `reprise serve`; `cargo xtask serve -- --help` lists them.
  test [--openssl 3.5]   Formatting, dependencies, lints, documentation and all tests, as CI runs them. With --openssl 3.5,
                         all tests against an OpenSSL 3.5 built from source.
  dependencies           Licences, sources, bans and advisories of dependencies, as deny.toml says.
  plugins                Builds every policy under plugins/ to target/policies/NAME.wasm.
  languages [LANGUAGE…]  Builds the policies under plugins/languages to target/policies/languages/NAME-LANGUAGE.wasm: c, cpp,
                         zig, go, javascript, typescript, python, wat; all of them if none is named. With --test behind it,
                         also runs their unit tests and vectors.
  package                Makes the Debian package target/package/reprise_VERSION_ARCHITECTURE.deb, built with --profile NAME
                         (`dist` if none is named), or of what is built already: --built FILE_OR_FOLDER…
  debian [--test]        Makes systems of Debian 12 and 13 under target/debian. With --test, makes the package of what
                         `test` has built, and installs, uses, removes and purges it in each.
  docs                   Writes what under docs/ is made of other files: templates, the interface's reference.
  bench [-- ARGS]        Runs the benchmarks and prints their table; `-- hostile`: what a quarantined policy costs, alone;
                         `-- stores [SESSIONS|quick]`: what stores cost, alone; `-- module [WORD…] [--rounds N] [--seconds S]`:
                         what the module costs in nginx, which runs only when asked for.
  help                   Shows this.

Each finds or installs what it needs. Where it may not, it stops with the command to type.";

/// A command with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    Help,
    Plugins,
    Languages { languages: Vec<Language>, test: bool },
    Serve { arguments: Vec<String> },
    Test { openssl: Option<String> },
    Dependencies,
    Package { source: Source },
    Debian { wish: Wish },
    Docs,
    Bench { arguments: Vec<String> },
}

impl Invocation {
    /// Reads the arguments that follow `cargo xtask`; what is wrong with them otherwise.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().unwrap_or_else(|| "help".to_owned());
        let rest: Vec<String> = arguments.collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        match (command.as_str(), rest.as_slice()) {
            ("help" | "--help" | "-h", _) | (_, ["--help" | "-h"]) => Ok(Self::Help),
            ("plugins", []) => Ok(Self::Plugins),
            ("languages", [names @ .., "--test"]) => Ok(Self::Languages { languages: languages(names)?, test: true }),
            ("languages", names) => Ok(Self::Languages { languages: languages(names)?, test: false }),
            ("dependencies", []) => Ok(Self::Dependencies),
            ("package", []) => Ok(Self::Package { source: Source::Profile("dist".to_owned()) }),
            ("package", ["--profile", profile]) => Ok(Self::Package { source: Source::Profile((*profile).to_owned()) }),
            ("package", ["--built", paths @ ..]) if !paths.is_empty() => {
                Ok(Self::Package { source: Source::Built(paths.iter().map(Into::into).collect()) })
            }
            ("debian", []) => Ok(Self::Debian { wish: Wish::Make }),
            ("debian", ["--test"]) => Ok(Self::Debian { wish: Wish::Test }),
            // What --test runs in each.
            ("debian", ["--inside", package]) => Ok(Self::Debian { wish: Wish::Inside(package.into()) }),
            ("docs", []) => Ok(Self::Docs),
            ("test", []) => Ok(Self::Test { openssl: None }),
            ("test", ["--openssl", version]) => Ok(Self::Test { openssl: Some((*version).to_owned()) }),
            ("serve", []) => Ok(Self::Serve { arguments: Vec::new() }),
            ("serve", ["--", passed @ ..]) => Ok(Self::Serve { arguments: owned(passed) }),
            ("bench", []) => Ok(Self::Bench { arguments: Vec::new() }),
            ("bench", ["--", passed @ ..]) => Ok(Self::Bench { arguments: owned(passed) }),
            ("serve" | "bench", [other, ..]) => Err(format!(
                "`{command}` knows no `{other}`; what is meant for the program goes behind `--`:\n  cargo xtask {command} -- {}",
                rest.join(" ")
            )),
            ("plugins" | "test" | "dependencies" | "package" | "debian" | "docs", _) => {
                Err(format!("`{command}` knows no `{}`\n\n{HELP}", rest.join(" ")))
            }
            _ => Err(format!("there is no command `{command}`\n\n{HELP}")),
        }
    }
}

/// The languages of these names; all of them if there is none.
fn languages(names: &[&str]) -> Result<Vec<Language>, String> {
    if names.is_empty() {
        return Ok(LANGUAGES.to_vec());
    }
    let named = |name: &&str| name.parse().map_err(|unknown| format!("{unknown}\n\n{HELP}"));
    names.iter().map(named).collect()
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, String> {
        Invocation::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_follows_two_dashes_goes_to_the_program() {
        let arguments = vec!["--listen".to_owned(), "127.0.0.1:9443".to_owned()];
        assert_eq!(parse("serve -- --listen 127.0.0.1:9443"), Ok(Invocation::Serve { arguments }));
        assert_eq!(parse("serve -- --help"), Ok(Invocation::Serve { arguments: vec!["--help".to_owned()] }));
    }

    #[test]
    fn forgetting_the_two_dashes_is_told_with_the_line_to_type() {
        let error = parse("serve --listen 127.0.0.1:9443").unwrap_err();
        assert!(error.ends_with("cargo xtask serve -- --listen 127.0.0.1:9443"), "{error}");
    }

    #[test]
    fn what_is_unknown_is_named() {
        assert!(parse("sreve").unwrap_err().contains("`sreve`"));
        assert!(parse("test --opnessl 3.5").unwrap_err().contains("`--opnessl 3.5`"));
    }

    #[test]
    fn languages_are_named_or_all_of_them_meant() {
        let only = |languages: &[Language], test| Ok(Invocation::Languages { languages: languages.to_vec(), test });
        assert_eq!(parse("languages"), only(&LANGUAGES, false));
        assert_eq!(parse("languages --test"), only(&LANGUAGES, true));
        assert_eq!(parse("languages c wat --test"), only(&[Language::C, Language::Wat], true));
        assert!(parse("languages cobol").unwrap_err().contains("`cobol`"));
        assert_eq!(parse("languages ts js --test"), only(&[Language::TypeScript, Language::JavaScript], true));
    }

    #[test]
    fn a_package_is_of_a_profile_or_of_what_is_there() {
        let package = |source| Ok(Invocation::Package { source });
        assert_eq!(parse("package"), package(Source::Profile("dist".into())));
        assert_eq!(parse("package --profile release"), package(Source::Profile("release".into())));
        assert_eq!(parse("package --built a b/c"), package(Source::Built(vec!["a".into(), "b/c".into()])));
        assert!(parse("package --built").unwrap_err().contains("`--built`"));
    }

    #[test]
    fn nothing_at_all_is_a_question_for_help() {
        assert_eq!(parse(""), Ok(Invocation::Help));
        assert_eq!(parse("test --help"), Ok(Invocation::Help));
    }
}
