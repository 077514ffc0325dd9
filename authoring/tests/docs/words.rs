//! docs/glossary.md lists words that are not to be used. They are in no page, no `--help` text and no message.

use std::path::{Path, PathBuf};

use crate::{files, read, shown, workspace};

/// What is still to be rewritten, or is not written here: the changelog is history, and docs/wit.md is made of the interface.
const EXCEPT: [&str; 7] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/metrics.md",
    "docs/servers.md",
    "docs/why.md",
    "docs/wit.md",
    "host/src/metrics/families.rs",
];

/// The words, and what stands for each: the table behind the page's heading.
fn words() -> Vec<(String, String)> {
    let page = read(&workspace("docs/glossary.md"));
    let (_, table) = page.split_once("## Words that are not to be used").expect("the glossary lists them");
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).skip(1);
    let mut words = Vec::new();
    for (not, but) in rows.filter(|(not, _)| !not.starts_with("---")) {
        words.extend(not.split(", ").map(|word| (word.to_lowercase(), but.to_owned())));
    }
    assert!(words.len() > 10, "the words are gone");
    words
}

/// Of these words, those in the text, as whole words, whatever their capitals and however the lines break.
fn used<'a>(text: &str, words: &'a [(String, String)]) -> Vec<&'a (String, String)> {
    let separated: String = text.to_lowercase().chars().map(|c| if is_of_word(c) { c } else { ' ' }).collect();
    let separated = format!(" {} ", separated.split_whitespace().collect::<Vec<_>>().join(" "));
    words.iter().filter(|(word, _)| separated.contains(&format!(" {word} "))).collect()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '_' | '-')
}

/// Prose: what is in no block and no span of code.
fn prose(page: &str) -> String {
    let outside = page.split("```").step_by(2).collect::<String>();
    outside.split('`').step_by(2).collect()
}

/// What a source shows to people: its string literals, and its documentation where `--help` is made of that. Unit tests are left out.
fn shown_to_people(source: &str, with_documentation: bool) -> String {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut shown = String::new();
    let mut rest = source;
    while let Some(place) = rest.find(['"', '/', '\'']) {
        let from = &rest[place..];
        rest = if let Some(comment) = from.strip_prefix("//") {
            let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
            if let Some(documentation) = line.strip_prefix('/').filter(|_| with_documentation) {
                shown += &format!("{} ", without_spans(documentation));
            }
            after
        } else if let Some(string) = from.strip_prefix('"') {
            let hashes = rest[..place].bytes().rev().take_while(|&byte| byte == b'#').count();
            let raw = rest[..place - hashes].ends_with('r');
            let end = if raw { string.find(&format!("\"{}", "#".repeat(hashes))) } else { end_of(string) };
            let (string, after) = string.split_at(end.unwrap_or(string.len()));
            shown += &format!("{} . ", without_spans(&string.replace("\\n", " ")));
            after.get(1..).unwrap_or_default()
        } else if from.starts_with("'\"'") || from.starts_with("'\\\"'") || from.starts_with("'/'") {
            &from[from[1..].find('\'').map_or(1, |end| end + 2).max(3)..]
        } else {
            &from[1..]
        };
    }
    shown
}

fn without_spans(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The place of the quote that ends a string.
fn end_of(string: &str) -> Option<usize> {
    let mut escaped = false;
    string.char_indices().find_map(|(place, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(place)
    })
}

fn is_held(path: &Path) -> bool {
    !EXCEPT.contains(&shown(path).as_str())
}

fn check(texts: impl Iterator<Item = (PathBuf, String)>) {
    let words = words();
    let wrong: Vec<String> = texts
        .flat_map(|(path, text)| {
            let used = used(&text, &words).into_iter().map(|(word, but)| format!("`{word}`; say {but}"));
            used.map(|word| format!("{}: {word}", shown(&path))).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "docs/glossary.md says that these are not to be used:\n{}", wrong.join("\n"));
}

#[test]
fn no_page_uses_a_word_that_is_not_to_be_used() {
    let pages = files(&workspace(""), ".md").into_iter().filter(|page| is_held(page));
    let glossary = workspace("docs/glossary.md");
    check(pages.filter(|page| shown(page) != shown(&glossary)).map(|page| (page.clone(), prose(&read(&page)))));
}

#[test]
fn no_message_and_no_help_text_uses_one() {
    let sources = ["host", "authoring/src"].into_iter().flat_map(|folder| files(&workspace(folder), ".rs"));
    let held = sources.filter(|source| {
        let name = shown(source);
        let tests = name.ends_with("tests.rs") || name.contains("/tests/") || name.contains("/benches/");
        is_held(source) && !tests
    });
    let helps = |source: &Path| shown(source).starts_with("host/server/src");
    check(held.map(|source| (source.clone(), shown_to_people(&read(&source), helps(&source)))));
}

#[test]
fn a_word_is_found_however_it_is_written() {
    let words = [("taken up".to_owned(), "reloaded".to_owned())];
    assert_eq!(used("It is Taken\n  up, again", &words).len(), 1);
    assert!(used("mistaken upon", &words).is_empty());
    let source = r##"/// Help `code` text
        // no comment
        let c = '"'; let a = "one \" two"; let b = r#"three "four" five"#; // "nor this"
        #[cfg(test)]
mod tests { "not shown" }"##;
    let shown = shown_to_people(source, true);
    let all = ["Help", "text", "one", "two", "three", "four", "five"];
    assert_eq!(shown.split([' ', '\\', '"', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>(), all);
    assert!(!shown_to_people(source, false).contains("Help"));
}
