//! How systemd splits a value into words: by blanks, but for what is quoted; with escapes.

/// The words of `value`.
pub(in crate::cli::module) fn split(value: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().push(escape(characters.next())),
            _ if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            _ if character.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The escapes that paths have a use for; others stand for themselves.
fn escape(character: Option<char>) -> char {
    match character {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('s') => ' ',
        Some(character) => character,
        None => '\\',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_systemd_does() {
        for (value, words) in [
            ("A=b C=d", &["A=b", "C=d"][..]),
            (r#""A=b c" 'D=e f'"#, &["A=b c", "D=e f"]),
            (r#"A="b c""#, &["A=b c"]),
            (r"A=b\ c  D=\x", &["A=b c", "D=x"]),
            ("\"\" x", &["", "x"]),
            ("", &[]),
        ] {
            assert_eq!(split(value), words, "{value}");
        }
    }
}
