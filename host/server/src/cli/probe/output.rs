//! What is shown: a table for people, at 100 columns, and JSON.

use std::fmt::Write as _;

use reprise_session::printable::line;
use serde_json::{Value, json};

use super::rows::{Row, Verdict};

/// The table's columns, and its width.
const VERDICT: usize = 9;
const CHECK: usize = 18;
const WIDTH: usize = 100;

/// What is shown of one sentence; there may be a server's error in it.
const LONGEST: usize = 600;

/// Whom it is about.
pub(super) struct Subject<'a> {
    pub(super) server: &'a str,
    pub(super) address: String,
    pub(super) server_name: Option<&'a str>,
    /// Options by which more could be looked at.
    pub(super) not_asked: Vec<&'static str>,
}

/// The whole of it for people.
pub(super) fn table(subject: &Subject<'_>, rows: &[Row]) -> String {
    let mut text = format!("{} ({}), ", subject.server, subject.address);
    text += &subject.server_name.map_or_else(|| "no server name".into(), |name| format!("server name {name}"));
    text.push('\n');
    let mut kind = None;
    for row in rows {
        if kind != Some(row.kind) {
            kind = Some(row.kind);
            let _ = write!(text, "\n{}\n", row.kind.heading());
        }
        let mut cells = format!("  {:<VERDICT$}{:<CHECK$}", row.verdict.word(), row.check);
        for part in wrapped(&sentences(row), WIDTH - cells.len()) {
            let _ = writeln!(text, "{cells}{part}");
            cells = " ".repeat(cells.len());
        }
    }
    let _ = write!(text, "\n{}\n", summary(rows));
    if !subject.not_asked.is_empty() {
        let more = format!("Not looked at, for it was not asked for: {}.", subject.not_asked.join(", "));
        wrapped(&more, WIDTH).iter().for_each(|part| text += &format!("{part}\n"));
    }
    text
}

/// The whole of it for scripts.
pub(super) fn json(subject: &Subject<'_>, rows: &[Row], verdict: Verdict) -> Value {
    let rows: Vec<_> = rows.iter().map(of_row).collect();
    json!({
        "server": subject.server,
        "address": subject.address,
        "server_name": subject.server_name,
        "verdict": verdict.word(),
        "rows": rows,
        "not_asked": subject.not_asked,
    })
}

fn of_row(row: &Row) -> Value {
    let mut json = json!({
        "way": row.kind.word(),
        "check": row.check,
        "verdict": row.verdict.word(),
        "outcome": row.outcome,
        "done": row.done,
        "seen": line(&row.seen, LONGEST),
        "says": row.says,
        "rfc": Some(row.rfc).filter(|rfc| !rfc.is_empty()),
    });
    if let (Some(json), Value::Object(facts)) = (json.as_object_mut(), &row.facts) {
        json.extend(facts.clone());
    }
    json
}

fn sentences(row: &Row) -> String {
    let mut text = format!("{}: {}", row.done, line(&row.seen, LONGEST));
    if !text.ends_with('.') {
        text.push('.');
    }
    match (row.rfc, row.says.as_str()) {
        (_, "") => {}
        ("", says) => text += &format!(" {says}"),
        (rfc, says) => text += &format!(" {rfc}: {says}"),
    }
    text
}

fn summary(rows: &[Row]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let [bad, unknown, note, fine] = [Verdict::Bad, Verdict::Unknown, Verdict::Note, Verdict::Fine].map(count);
    format!("{bad} bad, {unknown} unknown, {note} to note, {fine} fine.")
}

/// Lines of at most `width` characters, but for words that are longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
