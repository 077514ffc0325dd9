//! nginx gives a master that replaces it (USR2) only the variables that its configuration names: `env OPENSSL_CONF;`.

use std::path::Path;

use anyhow::Result;

use crate::cli::module::root::{Root, fits};

/// The line.
pub(in crate::cli::module) const LINE: &str = "env OPENSSL_CONF;";
/// Where Debian keeps such.
pub(in crate::cli::module) const SNIPPET: &str = "/etc/nginx/modules-enabled/50-reprise.conf";
const CONF: &str = "/etc/nginx/nginx.conf";
/// nginx's paths are relative to that of its configuration.
const FOLDER: &str = "/etc/nginx";

/// What is to be done so that its configuration has the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::module) enum Needs {
    /// Somebody has written it.
    Nothing,
    /// It goes into a file that is included.
    Snippet,
    /// No such file would be.
    ByHand,
}

/// Looks at its configuration, in which nothing of ours may be.
///
/// # Errors
/// It cannot be read.
pub(in crate::cli::module) fn needs(root: &Root) -> Result<Needs> {
    let main = main_context(&root.read(CONF.as_ref())?.unwrap_or_default());
    if main.iter().any(|words| words.first().is_some_and(|word| word == "env") && passes(words)) {
        return Ok(Needs::Nothing);
    }
    let included = main.iter().any(|words| match &words[..] {
        [include, pattern] if include == "include" => {
            let pattern = Path::new(FOLDER).join(pattern);
            let (snippet, name) = (Path::new(SNIPPET), "50-reprise.conf");
            pattern.parent() == snippet.parent()
                && pattern.file_name().is_some_and(|pattern| fits(&pattern.to_string_lossy(), name))
        }
        _ => false,
    });
    Ok(if included { Needs::Snippet } else { Needs::ByHand })
}

fn passes(words: &[String]) -> bool {
    words.get(1).is_some_and(|variable| variable.split('=').next() == Some("OPENSSL_CONF"))
}

/// The directives outside of all blocks, as words.
fn main_context(text: &str) -> Vec<Vec<String>> {
    let (mut directives, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut depth, mut quote, mut comment) = (0_usize, None, false);
    for character in text.chars() {
        if comment {
            comment = character != '\n';
            continue;
        }
        if let Some(mark) = quote {
            if character == mark {
                quote = None;
            } else {
                word.push(character);
            }
            continue;
        }
        let ends = character.is_whitespace() || matches!(character, ';' | '{' | '}');
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match character {
            ';' | '{' | '}' => {
                let directive = std::mem::take(&mut words);
                match character {
                    ';' if depth == 0 => directives.push(directive),
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            '#' if word.is_empty() => comment = true,
            '"' | '\'' if word.is_empty() => quote = Some(character),
            _ if ends => {}
            _ => word.push(character),
        }
    }
    directives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_needs_is_read_from_the_main_context() {
        for (conf, expected) in [
            ("user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\n", Needs::Snippet),
            ("include modules-enabled/*;", Needs::Snippet),
            ("include 'modules-enabled/*.conf';", Needs::Snippet),
            ("# include modules-enabled/*.conf;\n", Needs::ByHand),
            ("http { include modules-enabled/*.conf; }", Needs::ByHand),
            ("include conf.d/*.conf; include modules-enabled/mod-*.conf;", Needs::ByHand),
            ("events { a b; }\ninclude modules-enabled/*.conf; env OPENSSL_CONF;", Needs::Nothing),
            ("env OPENSSL_CONF=/x;", Needs::Nothing),
            ("env PATH;", Needs::ByHand),
            ("", Needs::ByHand),
        ] {
            let root = Root::machine().with(CONF.as_ref(), Some(conf.into()));
            assert_eq!(needs(&root).unwrap(), expected, "{conf}");
        }
    }
}
