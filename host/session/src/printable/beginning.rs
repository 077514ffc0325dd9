//! As much of a text as there is room for.

use std::fmt;

/// Text that is being written, of which the beginning is kept, as it is.
#[derive(Debug)]
pub struct Beginning {
    text: String,
    most: usize,
}

impl Beginning {
    /// At most so many bytes.
    pub fn new(most: usize) -> Self {
        Self { text: String::new(), most }
    }

    /// What there is of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same.
    pub fn into_string(self) -> String {
        self.text
    }
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.most.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room {
            self.most = self.text.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn a_beginning_is_kept_as_it_is() {
        // After a letter that does not fit nothing is kept, though it would.
        let mut beginning = Beginning::new(5);
        for piece in ["a\n", "éé", "b"] {
            beginning.write_str(piece).unwrap();
        }
        assert_eq!(beginning.as_str(), "a\né");
    }
}
