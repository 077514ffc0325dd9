//! Server names (SNI, RFC 6066 section 3) and patterns of them.

use crate::settings::Setting;

/// A server name as a user writes it, in the spelling that the host gives names in: lower case, without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// A server name, or `*.` and the end of one, which stands for every name that ends in it with at least one label more:
/// `*.example` for `a.example` and `b.a.example`, not for `example`. Upper case counts as lower case, a dot at its end as none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Setting for Name {
    const EXPECTED: &'static str =
        "a server name such as a.example, without scheme, port or path; no address; xn-- where it is not ASCII";

    fn parse(text: &str) -> Option<Self> {
        is_name(undotted(text)).then(|| Self(undotted(text).to_ascii_lowercase()))
    }
}

impl From<Name> for String {
    fn from(Name(name): Name) -> String {
        name
    }
}

impl Setting for Pattern {
    const EXPECTED: &'static str = "a server name such as a.example or *.example, without scheme, port or path; no address; xn-- where it is not ASCII";

    fn parse(text: &str) -> Option<Self> {
        let text = undotted(text);
        is_name(text.strip_prefix("*.").unwrap_or(text)).then(|| Self(text.to_ascii_lowercase()))
    }
}

/// Without the dot at its end, which names the same host.
fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_part);
    // No top-level domain is a number: 127.1 is an address, as 127.0.0.1 is.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(is_label) && !text.rsplit('.').next().is_some_and(is_number)
}

/// Something for each of several patterns. The most specific pattern holds: the name itself, else the longest `*.` pattern.
#[derive(Clone, Debug)]
pub struct ServerNames<T> {
    /// In the patterns' order. Not a map of the standard library: its code would be a tenth of a small policy.
    patterns: Vec<(Pattern, T)>,
}

impl<T> ServerNames<T> {
    /// What holds for `name`, which is in lower case, as the host gives it; `None` if no pattern matches.
    pub fn find(&self, name: &str) -> Option<&T> {
        let ends = name.match_indices('.').map(|(dot, _)| format!("*{}", &name[dot..]));
        self.at(name).or_else(|| ends.into_iter().find_map(|pattern| self.at(&pattern)))
    }

    fn at(&self, pattern: &str) -> Option<&T> {
        Some(&self.patterns[self.position(pattern).ok()?].1)
    }

    fn position(&self, pattern: &str) -> Result<usize, usize> {
        self.patterns.binary_search_by(|(Pattern(other), _)| other.as_str().cmp(pattern))
    }
}

impl<T> FromIterator<(Pattern, T)> for ServerNames<T> {
    /// Of one pattern twice, the last holds.
    fn from_iter<I: IntoIterator<Item = (Pattern, T)>>(patterns: I) -> Self {
        let mut names = Self::default();
        for (pattern, value) in patterns {
            match names.position(&pattern.0) {
                Ok(position) => names.patterns[position].1 = value,
                Err(position) => names.patterns.insert(position, (pattern, value)),
            }
        }
        names
    }
}

impl<T> Default for ServerNames<T> {
    /// No pattern.
    fn default() -> Self {
        Self { patterns: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&'static str]) -> ServerNames<&'static str> {
        patterns.iter().map(|pattern| (Pattern::parse(pattern).unwrap(), *pattern)).collect()
    }

    #[test]
    fn the_most_specific_pattern_holds() {
        let names = names(&["*.example", "*.a.example", "b.a.example"]);
        assert_eq!(names.find("b.a.example"), Some(&"b.a.example"));
        assert_eq!(names.find("c.a.example"), Some(&"*.a.example"));
        assert_eq!(names.find("d.c.a.example"), Some(&"*.a.example"));
        assert_eq!(names.find("a.example"), Some(&"*.example"));
        assert_eq!(names.find("example"), None);
        assert_eq!(names.find("xexample"), None);
    }

    #[test]
    fn patterns_are_in_any_case() {
        assert_eq!(names(&["A.Example"]).find("a.example"), Some(&"A.Example"));
    }

    #[test]
    fn what_is_not_a_server_name_is_no_pattern() {
        for wrong in ["", "*", "*.", "a..example", "a.example..", "a.*.example", "*a.example", "a example", "é.example"]
        {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Name::parse("*.example"), None);
    }
}
