//! What is told of a call that failed: how it ended, what the policy said of it, and where it was.
//!
//! Languages say what went wrong in their own ways: a panic's message through the hook of the SDK,
//! an exception's text, a traceback or a failed assertion on standard error. All of it ends here,
//! and so in the rejection and in the log's line about the failed call, in one line of bounded
//! length.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

use super::observe::one_line;

/// Bytes that are kept of what was said first, and of what was said last: some languages begin with
/// what matters, and others end with it.
const FIRST: usize = 320;
const LAST: usize = 320;

/// What a policy said in a call, as a warning or worse, and what it was refused.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    first: String,
    last: String,
    /// Something between the two is gone.
    gap: bool,
    /// Bytes of memory that it wanted in all, and those that it may have.
    pub(super) refused: Option<(usize, usize)>,
}

impl LastWords {
    /// Adds a line.
    pub(super) fn add(&mut self, line: &str) {
        let line = one_line(line);
        let line = line.trim();
        if self.last.is_empty() && self.first.len() + line.len() <= FIRST {
            join(&mut self.first, line);
            return;
        }
        join(&mut self.last, line);
        if self.last.len() > LAST {
            let cut = self.last.ceil_char_boundary(self.last.len() - LAST);
            self.last.drain(..cut);
            self.gap = true;
        }
    }

    fn text(&self) -> String {
        let between = if self.gap { " … " } else { " | " };
        let parts: Vec<_> = [&*self.first, &*self.last].into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(between)
    }

    /// How a call ended in `error`, on one line.
    pub(super) fn explain(&self, error: &wasmtime::Error) -> String {
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let mut words = match backtrace {
            Some(_) => error.root_cause().to_string(),
            None => format!("{error:#}"),
        };
        if let Some((wanted, most)) = self.refused {
            let _ = write!(words, "; it wanted {} of memory and may have {}", size(wanted), size(most));
        }
        let said = self.text();
        if !said.is_empty() {
            let _ = write!(words, "; it said \"{said}\"");
        }
        if let Some(backtrace) = backtrace {
            // A frame is a line in there, and set off with blanks.
            let frames = backtrace.to_string();
            let _ = write!(words, "; {}", frames.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        one_line(&words).into_owned()
    }

    /// What NAME.toml would have to say for it to get the memory that it wanted, and again as much.
    pub(super) fn memory(&self) -> Option<String> {
        self.refused.map(|(wanted, _)| format!("memory = \"{}\"", roomy(wanted)))
    }
}

/// Bytes in whole MiB, twice as many as `wanted`.
pub(super) fn roomy(wanted: usize) -> String {
    format!("{} MiB", wanted.saturating_mul(2).div_ceil(1 << 20))
}

/// Bytes as NAME.toml has them.
fn size(bytes: usize) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes.div_ceil(1 << 10))
    }
}

fn join(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push_str(" | ");
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> String {
        let mut words = LastWords::default();
        lines.iter().for_each(|line| words.add(line));
        words.explain(&wasmtime::Error::msg("trapped"))
    }

    #[test]
    fn what_was_said_follows_how_it_ended_line_by_line() {
        assert_eq!(
            said(&["Traceback:", "  in decide", "ValueError: no"]),
            "trapped; it said \"Traceback: | in decide | ValueError: no\""
        );
        assert_eq!(said(&[]), "trapped");
    }

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept_in_one_line_of_bounded_length() {
        let many: Vec<_> = (0..500).map(|number| format!("line {number}\n\u{e9}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let text = said(&many);
        assert!(text.contains("line 0 ") && text.contains(" … ") && text.ends_with("line 499 \u{e9}\""), "{text}");
        assert!(text.len() <= 1_024 && !text.contains('\n'), "{text}");
    }

    #[test]
    fn memory_that_was_refused_is_told_with_what_to_write() {
        let words = LastWords { refused: Some((20 << 20, 16 << 20)), ..LastWords::default() };
        let text = words.explain(&wasmtime::Error::msg("trapped"));
        assert_eq!(text, "trapped; it wanted 20 MiB of memory and may have 16 MiB");
        assert_eq!(words.memory().unwrap(), "memory = \"40 MiB\"");
    }
}
