//! The table of options: of each, values that make sense and values that do not, on the command line and in the file. An option
//! that is not in it fails the test.

mod others;
mod serve;

use clap::{Arg, CommandFactory, Parser, error::ErrorKind};

use self::{others::OTHERS, serve::SERVE};
use super::{Action, Command};
use crate::serve::{Options, Settings, read};

/// An option, by the command's name and its own.
struct Row {
    option: &'static str,
    good: &'static [&'static str],
    /// With what the error says, beside the option's name and the value.
    bad: &'static [(&'static str, &'static str)],
    /// What it needs beside it.
    with: &'static [&'static str],
}

const fn row(
    option: &'static str,
    good: &'static [&'static str],
    bad: &'static [(&'static str, &'static str)],
    with: &'static [&'static str],
) -> Row {
    Row { option, good, bad, with }
}

/// Every option that there is, as the table names it.
fn options(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let long = |argument: &Arg| argument.get_long().map(|long| format!("{path}{long}"));
    let named = command.get_arguments().filter_map(long);
    found.extend(named.filter(|option| !option.ends_with("help") && !option.ends_with("version")));
    for inner in command.get_subcommands() {
        options(inner, &format!("{path}{} ", inner.get_name()), found);
    }
}

/// The arguments of `reprise` for a row with this value.
fn arguments(command: &str, row: &Row, value: &str) -> Vec<String> {
    let option = row.option.rsplit(' ').next().unwrap();
    let mut arguments = vec!["reprise".to_owned()];
    arguments.extend(command.split_whitespace().map(str::to_owned));
    arguments.extend(row.with.iter().map(|argument| (*argument).to_owned()));
    match row.kind() {
        // With a `=`, or what begins with a hyphen would be an option.
        Kind::Value | Kind::Flag => arguments.push(format!("--{option}={value}")),
        Kind::Bare => arguments.push(format!("--{option}")),
    }
    arguments
}

/// How it is written.
#[derive(PartialEq)]
enum Kind {
    /// `--option value`.
    Value,
    /// `--option` or `--option=true`, and a flag in the file.
    Flag,
    /// `--option`, and nothing else.
    Bare,
}

impl Row {
    fn kind(&self) -> Kind {
        match self.good {
            ["true", ..] if self.bad.is_empty() => Kind::Bare,
            ["true", ..] => Kind::Flag,
            _ => Kind::Value,
        }
    }

    /// Of `reprise serve`: the file with this value. Its certificate is there, or none would be made for each.
    fn file(&self, value: &str) -> String {
        let quoted = |text: &str| format!("{text:?}");
        let mut lines = vec![format!(
            "{} = {}",
            self.option,
            if self.kind() == Kind::Flag && value.parse::<bool>().is_ok() { value.into() } else { quoted(value) }
        )];
        let mut with = self.with.iter();
        while let (Some(key), Some(value)) = (with.next(), with.next()) {
            lines.push(format!("{} = {}", key.trim_start_matches('-'), quoted(value)));
        }
        if !lines.iter().any(|line| line.starts_with("cert ")) {
            lines.push("cert = 'c'".into());
        }
        lines.join("\n")
    }
}

/// Whether an error is about this value: it names the option, shows the value or the part of it that is wrong, and says this.
fn tells(error: &str, name: &str, value: &str, says: &str) -> bool {
    let shown = value.split(['=', ',', '?', ':']).any(|part| error.contains(part));
    error.contains(name) && shown && error.contains(says)
}

fn from_command_line(row: &Row, value: &str) -> Result<Options, String> {
    let mut arguments = arguments("serve", row, value);
    if !arguments.iter().any(|argument| argument == "--cert" || argument.starts_with("--cert=")) {
        arguments.extend(["--cert".to_owned(), "c".to_owned()]);
    }
    match Command::try_parse_from(arguments) {
        Ok(Command { action: Action::Serve(serve) }) => Ok(serve.options),
        Ok(_) => unreachable!("it is `serve`"),
        Err(error) => Err(error.to_string()),
    }
}

fn from_file(row: &Row, value: &str) -> Result<Options, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reprise.toml");
    std::fs::write(&file, row.file(value)).unwrap();
    read(&file).map_err(|error| format!("{error:#}"))
}

fn settings(options: Result<Options, String>) -> Result<(), String> {
    Settings::new(options?).map(|_| ()).map_err(|error| format!("{error:#}"))
}

#[test]
fn every_option_is_in_the_table() {
    let mut found = Vec::new();
    options(&Command::command(), "", &mut found);
    let serve = SERVE.iter().map(|row| format!("serve {}", row.option));
    let mut table: Vec<String> = serve.chain(OTHERS.iter().map(|row| row.option.to_owned())).collect();
    found.sort();
    table.sort();
    assert_eq!(found, table);
    for row in SERVE.iter().chain(OTHERS).filter(|row| row.kind() == Kind::Value) {
        assert!(!row.bad.is_empty(), "{} takes everything?", row.option);
    }
}

#[test]
fn file_and_command_line_are_one_grammar() {
    let mut wrong = Vec::new();
    for (row, value) in SERVE.iter().flat_map(|row| row.good.iter().map(move |value| (row, value))) {
        let (line, file) = (from_command_line(row, value), from_file(row, value));
        let shown = |options: &Result<Options, String>| format!("{options:?}");
        if shown(&line) != shown(&file) {
            wrong.push(format!("{} {value}: {line:?} is not {file:?}", row.option));
        }
        if let Err(error) = settings(line) {
            wrong.push(format!("{} {value}: {error}", row.option));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_option_of_the_file_is_taken_where_the_command_line_has_none() {
    for row in SERVE.iter().filter(|row| !row.good.is_empty()) {
        let file = from_file(row, row.good[0]).unwrap();
        let shown = format!("{file:?}");
        assert_eq!(format!("{:?}", Options::default().or(file)), shown, "{}", row.option);
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_an_example() {
    let mut wrong = Vec::new();
    for (row, (value, says)) in SERVE.iter().flat_map(|row| row.bad.iter().map(move |bad| (row, bad))) {
        for (refused, name) in [
            (settings(from_command_line(row, value)), format!("--{}", row.option)),
            (settings(from_file(row, value)), row.option.to_owned()),
        ] {
            match refused {
                Ok(()) => wrong.push(format!("{name} `{value}` is taken")),
                Err(error) if tells(&error, &name, value, says) => {}
                Err(error) => wrong.push(format!("{name} `{value}`, which should say `{says}`: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_other_commands_refuse_what_makes_no_sense() {
    let mut wrong = Vec::new();
    for row in OTHERS {
        let (command, option) = row.option.rsplit_once(' ').unwrap();
        let parsed = |value| Command::try_parse_from(arguments(command, row, value)).err();
        for (value, error) in row.good.iter().filter_map(|value| Some((value, parsed(value)?))) {
            wrong.push(format!("{} {value}: {error}", row.option));
        }
        for (value, says) in row.bad {
            let Some(error) = parsed(value) else {
                wrong.push(format!("{} `{value}` is taken", row.option));
                continue;
            };
            let is_about_it = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
            let error = error.to_string();
            if !is_about_it || !tells(&error, &format!("--{option}"), value, says) {
                wrong.push(format!("{} `{value}`, which should say `{says}`: {error}", row.option));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
