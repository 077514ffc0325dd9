//! Server names (SNI, RFC 6066 section 3): one spelling of each, for what clients send and for what operators write.
//!
//! `docs/server-names.md` says what that spelling is, and
//! `plugin-sdk/conformance/server-names.toml` holds all readers to it: this one, and those of
//! policies' settings in every language.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

/// The longest name that DNS has (RFC 1035 section 2.3.4), without the dot at its end.
const LONGEST: usize = 253;
/// The longest of its labels.
const LONGEST_LABEL: usize = 63;

/// A server name as an operator means it: `a.example`. In lower case, without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(String);

/// A server name, or `*.` and what names end in: `*.example`. How many labels the star stands for
/// is said where one is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerNamePattern(String);

/// What stands where a server name should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid server name `{}`: {why}; expected {expected}", .found.escape_debug())]
pub struct ServerNameError {
    found: String,
    why: &'static str,
    expected: &'static str,
}

impl ServerName {
    /// The name that a client sent, in the spelling that sessions, sites, policies and revocations
    /// have it in: lower case, and without the dot at its end, which RFC 6066 forbids and which
    /// names the same host. Two names that are not the same host's stay two. What is no text, or
    /// has a control character or a backslash, is escaped: it is no site's name, and no other's.
    pub fn of_client(sent: &[u8]) -> String {
        match str::from_utf8(sent) {
            Ok(text) if !text.contains(|c: char| c.is_control() || c == '\\') => Self::spelling(text),
            _ => Self::spelling(&sent.to_ascii_lowercase().escape_ascii().to_string()),
        }
    }

    /// The one spelling of a name that was not read here: in lower case, without the one dot at its end.
    pub fn spelling(name: &str) -> String {
        let undotted = name.strip_suffix('.').filter(|name| !name.is_empty() && !name.ends_with('.'));
        undotted.unwrap_or(name).to_ascii_lowercase()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ServerNamePattern {
    /// The name, or `*.` and what names end in.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = ServerNameError;

    fn from_str(text: &str) -> Result<Self, ServerNameError> {
        read(text).map(Self).map_err(|why| ServerNameError {
            found: text.to_owned(),
            why,
            expected: "the name alone, as clients send it, like `www.example.org` or `xn--bcher-kva.example`",
        })
    }
}

impl FromStr for ServerNamePattern {
    type Err = ServerNameError;

    fn from_str(text: &str) -> Result<Self, ServerNameError> {
        let read = match text.strip_prefix("*.") {
            Some(parent) => read(parent).map(|parent| format!("*.{parent}")),
            None => read(text),
        };
        read.map(Self).map_err(|why| ServerNameError {
            found: text.to_owned(),
            why,
            expected: "a host name alone, like `a.example`, or `*.a.example` for those under it",
        })
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ServerNamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The spelling of a host name, or why `text` is none.
fn read(text: &str) -> Result<String, &'static str> {
    if let Some(why) = what_else(text) {
        return Err(why);
    }
    let name = ServerName::spelling(text);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    for label in name.split('.') {
        if label.is_empty() {
            return Err("there is nothing before, between or behind its dots");
        }
        if !label.bytes().all(is_part) {
            return Err("a name has letters, digits, `-`, `_` and dots, and nothing else");
        }
        if label.len() > LONGEST_LABEL {
            return Err("between two dots are at most 63 bytes");
        }
    }
    if name.len() > LONGEST {
        return Err("a name has at most 253 bytes");
    }
    // As in an IPv4 address, however it is written (WHATWG URL section 3.5): no top-level domain is a number.
    if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(ADDRESS);
    }
    Ok(name)
}

const ADDRESS: &str = "it is an address, and clients that go by RFC 6066 send none";

/// What `text` is, where it is something else that people write for a name.
fn what_else(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.contains("://") {
        Some("it is a URL")
    } else if text.contains('*') {
        Some("a `*` stands for whole labels, before the first dot, and only where patterns are read")
    } else if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        Some(ADDRESS)
    } else if text.contains(':') {
        Some("it has a port")
    } else if text.contains('/') {
        Some("it has a path")
    } else if !text.is_ascii() {
        Some("beyond ASCII a name is written in its `xn--` form, as clients send it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    const TABLE: &str = include_str!("../../../../plugin-sdk/conformance/server-names.toml");

    /// What the table says of one way to write a name: the names that it is for and those that it
    /// is not, as the host spells them; or why it is none.
    struct Row {
        written: String,
        read: Result<(Vec<String>, Vec<String>), String>,
    }

    fn rows() -> Vec<Row> {
        let table: toml::Table = toml::from_str(TABLE).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let vectors = table["vector"].as_array().unwrap();
        let row = |vector: &Value| {
            let names = vector["settings"]["tenant"].as_table().unwrap();
            let written = names.keys().next().unwrap().clone();
            if let Some(rejected) = vector.get("rejected") {
                return Row { written, read: Err(text(rejected)) };
            }
            let (mut matched, mut others) = (Vec::new(), Vec::new());
            for call in vector["calls"].as_array().unwrap() {
                let name = text(&call["connection"]["server-name"]);
                if text(&call["verdict"]) == "refuse" { matched.push(name) } else { others.push(name) }
            }
            Row { written, read: Ok((matched, others)) }
        };
        vectors.iter().map(row).collect()
    }

    #[test]
    fn an_operator_writes_names_as_the_table_says() {
        for Row { written, read } in rows() {
            let pattern = written.parse::<ServerNamePattern>();
            match read {
                Err(_) => assert!(pattern.is_err(), "{written} is read"),
                Ok((matched, others)) => {
                    let pattern = pattern.unwrap_or_else(|error| panic!("{error}"));
                    if written.contains('*') {
                        assert!(written.parse::<ServerName>().is_err(), "{written} is no name");
                        let end = pattern.as_str().strip_prefix('*').unwrap();
                        assert!(matched.iter().all(|name| name.ends_with(end)), "{written}");
                        assert!(!others.iter().any(|name| name.ends_with(end)), "{written}");
                    } else {
                        let name = written.parse::<ServerName>().unwrap();
                        assert_eq!((name.as_str(), &[pattern.0][..]), (matched[0].as_str(), &matched[..]), "{written}");
                        assert!(!others.contains(&name.0), "{written}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_client_sends_has_the_spelling_of_the_table() {
        for Row { written, read } in rows() {
            let Ok((matched, _)) = read else { continue };
            if !written.contains('*') {
                assert_eq!(ServerName::of_client(written.as_bytes()), matched[0], "{written}");
            }
        }
    }

    #[test]
    fn an_error_says_what_was_written_instead() {
        for (text, why) in [
            ("", "empty"),
            ("https://a.example", "URL"),
            ("a.example:443", "port"),
            ("a.example/", "path"),
            ("*.example", "`*`"),
            ("192.0.2.1", "address"),
            ("2001:db8::1", "address"),
            ("[2001:db8::1]", "address"),
            ("127.1", "address"),
            ("bücher.example", "xn--"),
            ("a example", "letters, digits"),
            ("a..example", "dots"),
            (".", "dots"),
            (&format!("{}.example", "a".repeat(64)), "63"),
            (&["abcdefg."; 32].concat(), "253"),
        ] {
            let error = text.parse::<ServerName>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains("`www.example.org`"), "{text}: {error}");
        }
        let error = "a.*.example".parse::<ServerNamePattern>().unwrap_err().to_string();
        assert!(error.contains("`*.a.example`"), "{error}");
    }

    /// A session border is drawn by it: what is two names to a client must not be one here.
    #[test]
    fn two_names_that_clients_send_stay_two() {
        let sent: [&[u8]; 14] = [
            b"a.example",
            b"a.example..",
            b".a.example",
            b".",
            b"..",
            b"\xff",
            b"\xfe",
            b"\\xff",
            b"\\\\xff",
            b"\x01",
            b"\\x01",
            b"192.0.2.1",
            "é.example".as_bytes(),
            b"xn--9ca.example",
        ];
        let mut names: Vec<String> = sent.iter().map(|sent| ServerName::of_client(sent)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), sent.len(), "{names:?}");
    }

    #[test]
    fn the_spelling_of_a_spelling_is_itself() {
        for sent in [&b"A.Example."[..], b"a..", b".", b"\xffA.", b"a\\.", b"\\"] {
            let name = ServerName::of_client(sent);
            assert_eq!(ServerName::spelling(&name), name);
        }
    }
}
