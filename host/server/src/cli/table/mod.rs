//! The table of options: of each, values that make sense and values that do not, on the command line and in the file. An option
//! that is not in it fails the test.

mod agent;
mod others;
mod serve;

use std::fmt::Debug;

use anyhow::Result as Anyhow;
use clap::{Arg, CommandFactory, Parser, error::ErrorKind};
use serde::de::DeserializeOwned;

use self::{agent::AGENT, others::OTHERS, serve::SERVE};
use super::{Action, Command};
use crate::{
    hosting::{HostOptions, agent as hosting_agent, read},
    serve as serving,
};

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

/// The options of a command that takes them from a file, too.
trait Options: Debug + Default + DeserializeOwned {
    const COMMAND: &str;
    /// What each row needs beside it, unless it is the row's own: a key of the file, and its value.
    const WITH: Option<(&str, &str)>;

    fn rows() -> Vec<&'static Row>;
    fn of(action: Action) -> Option<Self>;
    fn over(self, file: Self) -> Self;
    fn settings(self) -> Anyhow<()>;
}

impl Options for serving::Options {
    const COMMAND: &str = "serve";
    /// Or a certificate would be made for each.
    const WITH: Option<(&str, &str)> = Some(("cert", "c"));

    fn rows() -> Vec<&'static Row> {
        SERVE.iter().collect()
    }

    fn of(action: Action) -> Option<Self> {
        let Action::Serve(serve) = action else { return None };
        Some(serve.options)
    }

    fn over(self, file: Self) -> Self {
        self.or(file)
    }

    fn settings(self) -> Anyhow<()> {
        serving::Settings::new(self).map(drop)
    }
}

impl Options for hosting_agent::Options {
    const COMMAND: &str = "agent";
    const WITH: Option<(&str, &str)> = None;

    /// Its own, and those of a host, which it has in common with `serve`.
    fn rows() -> Vec<&'static Row> {
        let of_host = |row: &&Row| HostOptions::OPTIONS.contains(&&*row.option.replace('-', "_"));
        AGENT.iter().chain(SERVE.iter().filter(of_host)).collect()
    }

    fn of(action: Action) -> Option<Self> {
        let Action::Agent(agent) = action else { return None };
        Some(agent.options)
    }

    fn over(self, file: Self) -> Self {
        self.each_or(file)
    }

    fn settings(self) -> Anyhow<()> {
        hosting_agent::Settings::new(self).map(drop)
    }
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

    /// The file with this value.
    fn file<O: Options>(&self, value: &str) -> String {
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
        if let Some((key, value)) = O::WITH
            && !lines.iter().any(|line| line.starts_with(&format!("{key} ")))
        {
            lines.push(format!("{key} = {}", quoted(value)));
        }
        lines.join("\n")
    }
}

/// Whether an error is about this value: it names the option, shows the value or the part of it that is wrong, and says this.
fn tells(error: &str, name: &str, value: &str, says: &str) -> bool {
    let shown = value.split(['=', ',', '?', ':']).any(|part| error.contains(part));
    error.contains(name) && shown && error.contains(says)
}

fn from_command_line<O: Options>(row: &Row, value: &str) -> Result<O, String> {
    let mut arguments = arguments(O::COMMAND, row, value);
    if let Some((key, value)) = O::WITH {
        let key = format!("--{key}");
        if !arguments.iter().any(|argument| *argument == key || argument.starts_with(&format!("{key}="))) {
            arguments.extend([key, value.to_owned()]);
        }
    }
    let command = Command::try_parse_from(arguments).map_err(|error| error.to_string())?;
    Ok(O::of(command.action).expect("it is this command"))
}

fn from_file<O: Options>(row: &Row, value: &str) -> Result<O, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reprise.toml");
    std::fs::write(&file, row.file::<O>(value)).unwrap();
    read(&file, O::COMMAND).map_err(|error| format!("{error:#}"))
}

fn settings(options: Result<impl Options, String>) -> Result<(), String> {
    options?.settings().map_err(|error| format!("{error:#}"))
}

#[test]
fn every_option_is_in_the_table() {
    fn named<O: Options>() -> impl Iterator<Item = String> {
        O::rows().into_iter().map(|row| format!("{} {}", O::COMMAND, row.option))
    }
    let mut found = Vec::new();
    options(&Command::command(), "", &mut found);
    let configured = named::<serving::Options>().chain(named::<hosting_agent::Options>());
    let mut table: Vec<String> = configured.chain(OTHERS.iter().map(|row| row.option.to_owned())).collect();
    found.sort();
    table.sort();
    assert_eq!(found, table);
    for row in SERVE.iter().chain(AGENT).chain(OTHERS).filter(|row| row.kind() == Kind::Value) {
        assert!(!row.bad.is_empty(), "{} takes everything?", row.option);
    }
}

#[test]
fn file_and_command_line_are_one_grammar() {
    are_one_grammar::<serving::Options>();
    are_one_grammar::<hosting_agent::Options>();
}

fn are_one_grammar<O: Options>() {
    let mut wrong = Vec::new();
    for (row, value) in O::rows().into_iter().flat_map(|row| row.good.iter().map(move |value| (row, value))) {
        let (line, file) = (from_command_line(row, value), from_file(row, value));
        let shown = |options: &Result<O, String>| format!("{options:?}");
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
    are_taken::<serving::Options>();
    are_taken::<hosting_agent::Options>();
}

fn are_taken<O: Options>() {
    for row in O::rows().into_iter().filter(|row| !row.good.is_empty()) {
        let file: O = from_file(row, row.good[0]).unwrap();
        let shown = format!("{file:?}");
        assert_eq!(format!("{:?}", O::default().over(file)), shown, "{}", row.option);
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_an_example() {
    are_refused::<serving::Options>();
    are_refused::<hosting_agent::Options>();
}

fn are_refused<O: Options>() {
    let mut wrong = Vec::new();
    for (row, (value, says)) in O::rows().into_iter().flat_map(|row| row.bad.iter().map(move |bad| (row, bad))) {
        for (refused, name) in [
            (settings(from_command_line::<O>(row, value)), format!("--{}", row.option)),
            (settings(from_file::<O>(row, value)), row.option.to_owned()),
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
