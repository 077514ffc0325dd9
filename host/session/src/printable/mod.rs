//! Text from outside (names of files, messages of policies, errors of servers), made fit for where people read it.
//!
//! Whatever leaves for a log, a terminal or a metric goes through here. What is not shown as one
//! visible character is written as an escape: control characters, line breaks, what turns the
//! direction of writing, what has no width. And a line is bounded.
//!
//! `json` does the same for JSON, whose strings have escapes of their own; `beginning` takes what may be without end.

mod beginning;
#[doc(hidden)]
pub mod hostile;
mod json;

use std::{borrow::Cow, error::Error};

pub use self::beginning::Beginning;
pub use self::json::{json, json_line, of_document};

/// Stands for what was cut off.
pub const CUT: char = '…';

/// Whether a character is shown as itself: it is visible, or a blank, or a mark on the letter before it.
pub fn is_shown(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt) where Rust takes it for
        // a mark or a letter, and the blank pattern of Braille: all of them invisible.
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' => false,
        '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => false,
        _ => {
            // Rust escapes what is no letter, mark, number, punctuation or symbol; a mark at the beginning, too.
            let mut after_a_letter = [b'a', 0, 0, 0, 0];
            let length = character.encode_utf8(&mut after_a_letter[1..]).len();
            let text = std::str::from_utf8(&after_a_letter[..=length]).unwrap_or_default();
            text.escape_debug().nth(1) == Some(character)
        }
    }
}

/// `text` as one line of at most `most` bytes, `…` at its end included where it was cut.
pub fn line(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most && text.chars().all(is_shown) {
        return text.into();
    }
    let mut line = Line::new(most);
    line.push_str(text);
    line.into_string().into()
}

/// Text of several lines as such lines, of at most `most` bytes each and 64 in all. Those after the
/// first are set in, so that none can be taken for the beginning of something else.
pub fn block(text: &str, most: usize) -> String {
    const LINES: usize = 64;
    let mut block = String::new();
    for (at, part) in text.trim_end().split('\n').take(LINES).enumerate() {
        let part = part.strip_suffix('\r').unwrap_or(part);
        block.push_str(if at == 0 { "" } else { "  " });
        block.push_str(&line(part, most));
        block.push('\n');
    }
    block
}

/// One line that is being written. It takes everything, and keeps what is fit to be shown and fits.
#[derive(Debug)]
struct Line {
    text: String,
    most: usize,
    /// The length up to which `…` has room behind it.
    fits: usize,
    cut: bool,
}

impl Line {
    /// A line of at most so many bytes.
    fn new(most: usize) -> Self {
        Self { text: String::new(), most, fits: 0, cut: false }
    }

    /// Adds what is fit to be shown of `text`.
    fn push_str(&mut self, text: &str) {
        for character in text.chars() {
            if self.cut {
                return;
            }
            self.push(character);
        }
    }

    fn into_string(self) -> String {
        self.text
    }

    fn push(&mut self, character: char) {
        match character {
            _ if is_shown(character) => self.text.push(character),
            '\n' => self.text.push_str("\\n"),
            '\r' => self.text.push_str("\\r"),
            '\t' => self.text.push_str("\\t"),
            _ => self.text.extend(character.escape_unicode()),
        }
        if self.text.len() > self.most {
            self.text.truncate(self.fits);
            self.text.push(CUT);
            self.cut = true;
        } else if self.text.len() + CUT.len_utf8() <= self.most {
            self.fits = self.text.len();
        }
    }
}

/// What an error says, and what lies below it: `a: b: c`.
pub fn causes(error: &dyn Error) -> String {
    let mut all = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        all += &format!(": {cause}");
        below = cause.source();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{hostile::HOSTILE, *};

    #[test]
    fn what_is_not_seen_is_written_as_an_escape() {
        for (what, hostile) in HOSTILE {
            for character in hostile.chars() {
                assert!(!is_shown(character), "{what}: {character:?}");
                let shown = line(&format!("a{character}b"), 100).into_owned();
                assert!(shown.starts_with("a\\") && shown.ends_with('b'), "{what}: {shown:?}");
                assert!(shown.chars().all(is_shown), "{what}: {shown:?}");
            }
        }
        assert_eq!(line("a\r\nINFO \u{1b}[0m\u{202e}", 100), "a\\r\\nINFO \\u{1b}[0m\\u{202e}");
    }

    #[test]
    fn what_is_seen_stays_as_it_is() {
        for text in ["", "a \"b\" \\ 'c'", "bücher.example", "東京", "e\u{301}", "हिन्दी", "עברית", "…", "🦀"]
        {
            assert!(matches!(line(text, 100), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_line_has_no_more_bytes_than_it_may() {
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abc…");
        for text in ["x".repeat(1 << 20), "\n".repeat(1 << 20), "é\u{202e}".repeat(1_000)] {
            for most in 3..40 {
                let line = line(&text, most);
                assert!(line.len() <= most && line.ends_with(CUT), "{most}: {line}");
            }
        }
    }

    #[test]
    fn no_line_of_a_block_begins_where_another_would() {
        assert_eq!(block("one\r\nerror: two\n\u{1b}[1A\n", 20), "one\n  error: two\n  \\u{1b}[1A\n");
        assert!(block(&"x\n".repeat(1_000), 20).lines().count() <= 64);
    }
}
