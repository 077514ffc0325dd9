//! JSON whose strings are bounded, and have what is not shown in escapes (RFC 8259 section 7): it
//! says the same to a program.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::{CUT, is_shown};

/// The most bytes of a string between its quotation marks, escapes counted.
const LONGEST: usize = 4_096;

/// `value` as JSON over several lines, for people too.
///
/// # Errors
/// It has a map whose keys are no strings.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, PrettyFormatter::new())
}

/// `value` as JSON on one line.
///
/// # Errors
/// As [`json`]'s.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, CompactFormatter)
}

/// A document that somebody else made, with what is not shown in escapes. It stays the document that it was.
pub fn of_document(document: &str) -> Cow<'_, str> {
    // Between strings there is nothing to be escaped, and line breaks are only there.
    let stays = |character| character == '\n' || is_shown(character);
    if document.chars().all(stays) {
        return document.into();
    }
    let mut shown = String::with_capacity(document.len());
    for character in document.chars() {
        if stays(character) { shown.push(character) } else { escape(&mut shown, character) }
    }
    shown.into()
}

fn written(value: &impl Serialize, layout: impl Formatter) -> serde_json::Result<String> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, Shown { layout, room: 0, cut: false }))?;
    Ok(String::from_utf8(json).unwrap_or_default())
}

fn escape(into: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(into, "\\u{unit:04x}");
    }
}

/// A layout that bounds strings and escapes in them.
struct Shown<F> {
    layout: F,
    /// Bytes that the string being written may still have.
    room: usize,
    cut: bool,
}

impl<F> Shown<F> {
    /// Writes a piece of a string whole, or ends the string with `…`.
    fn piece<W: ?Sized + Write>(&mut self, writer: &mut W, piece: &[u8]) -> io::Result<()> {
        if self.cut {
            return Ok(());
        }
        if piece.len() <= self.room {
            self.room -= piece.len();
            return writer.write_all(piece);
        }
        self.cut = true;
        writer.write_all(CUT.encode_utf8(&mut [0; 4]).as_bytes())
    }
}

impl<F: Formatter> Formatter for Shown<F> {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        (self.room, self.cut) = (LONGEST - CUT.len_utf8(), false);
        self.layout.begin_string(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut escaped = String::new();
        for character in fragment.chars() {
            if self.cut {
                break;
            }
            if is_shown(character) {
                self.piece(writer, character.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                escaped.clear();
                escape(&mut escaped, character);
                self.piece(writer, escaped.as_bytes())?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        let mut escaped = Vec::new();
        self.layout.write_char_escape(&mut escaped, escape)?;
        self.piece(writer, &escaped)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printable::hostile::HOSTILE;

    #[test]
    fn strings_say_the_same_in_escapes_only() {
        for (what, hostile) in HOSTILE {
            let value = serde_json::json!({ hostile: [format!("a\"{hostile}\\ é"), 7, null, true] });
            for json in [json(&value).unwrap(), json_line(&value).unwrap()] {
                assert!(json.chars().all(|character| character == '\n' || is_shown(character)), "{what}: {json:?}");
                assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value, "{what}");
            }
            let raw = serde_json::to_string_pretty(&value).unwrap();
            let shown = of_document(&raw);
            assert!(shown.chars().all(|character| character == '\n' || is_shown(character)), "{what}: {shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value, "{what}");
        }
        assert_eq!(json_line(&"\u{1b}\n\u{e0041}").unwrap(), r#""\u001b\n\udb40\udc41""#);
    }

    #[test]
    fn the_layout_is_that_of_serde_json() {
        let value = serde_json::json!({"a": [], "b": {}, "c": [1, {"d": "e"}], "f": "g"});
        assert_eq!(json(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(json_line(&value).unwrap(), value.to_string());
    }

    #[test]
    fn a_string_is_bounded_and_stays_a_string() {
        for character in ["x", "\"", "\n", "\u{202e}", "\u{e0041}", "é"] {
            let json = json_line(&character.repeat(1 << 20)).unwrap();
            assert!(json.len() <= LONGEST + 2, "{character:?}: {}", json.len());
            let read: String = serde_json::from_str(&json).unwrap();
            assert!(read.ends_with(CUT) && read.starts_with(character), "{character:?}");
        }
    }
}
