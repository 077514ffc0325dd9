//! Lines out of what is written piece by piece.

use std::mem;

/// Bytes of a line that are kept; the rest is another line. As long as a message may be.
const LONGEST: usize = 1_024;

/// What was written of a line that has not ended yet.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes bytes up to the end of a line, and gives the line if it has ended, and the bytes that
    /// were not taken. Empty lines are none.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> (Option<String>, &'a [u8]) {
        let room = LONGEST - self.begun.len();
        let end = bytes.iter().take(room + 1).position(|&byte| byte == b'\n');
        let taken = end.unwrap_or(bytes.len().min(room));
        self.begun.extend_from_slice(&bytes[..taken]);
        let rest = &bytes[taken + usize::from(end.is_some())..];
        let ended = end.is_some() || self.begun.len() >= LONGEST;
        (if ended { self.rest() } else { None }, rest)
    }

    /// The line that was begun, if there is one.
    pub(super) fn rest(&mut self) -> Option<String> {
        let line = mem::take(&mut self.begun);
        let line = line.trim_ascii_end();
        (!line.is_empty()).then(|| String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let line;
                (line, rest) = lines.take(rest);
                found.extend(line);
            }
        }
        found.extend(lines.rest());
        found
    }

    #[test]
    fn pieces_become_lines_wherever_they_are_cut() {
        let text = b"one\r\n\ntwo \xff\nthree";
        let expected = ["one", "two \u{fffd}", "three"];
        for cut in 0..text.len() {
            assert_eq!(all(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_is_given_in_bounded_parts() {
        let long = vec![b'x'; 2 * LONGEST + 7];
        let lengths: Vec<_> = all(&[&long]).iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST, LONGEST, 7]);
        let fits = [&vec![b'x'; LONGEST][..], b"\nnext"].concat();
        assert_eq!(all(&[&fits]).len(), 2);
    }
}
