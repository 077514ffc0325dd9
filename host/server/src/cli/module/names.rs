//! Names and paths that stand in the files that are written: checked as they come.

use std::{fmt, path::PathBuf, str::FromStr};

/// A server's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program(String);

/// A server as an operator names it: by its unit, with or without `.service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Server(pub(super) Program);

/// A path that is the same wherever a server is started, and can stand in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AbsolutePath(String);

/// What stands where an argument should.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` {why}")]
pub(super) struct ArgumentError {
    found: String,
    why: &'static str,
}

impl AbsolutePath {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Server {
    pub(super) fn name(&self) -> &str {
        &self.0.0
    }

    /// Its unit.
    pub(super) fn unit(&self) -> String {
        format!("{}.service", self.0)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Program {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
            let why = "is no program's name: write one like `nginx`, of letters, digits, `.`, `_`, `-`, `@`";
            return Err(ArgumentError { found: text.into(), why });
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Server {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let program: Program = text.strip_suffix(".service").unwrap_or(text).parse()?;
        let why = if program.0.starts_with(['.', '-', '@']) {
            "is no service's name: write one like `nginx`, as `systemctl status` takes it"
        } else if program.0.ends_with('@') {
            "is a template of services: name one of them, like `gunicorn@shop`"
        } else {
            return Ok(Self(program));
        };
        Err(ArgumentError { found: text.into(), why })
    }
}

impl FromStr for AbsolutePath {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let why = if !text.starts_with('/') {
            "is no absolute path: servers start anywhere; write one like `/run/reprise/agent.sock`"
        } else if text.contains(char::is_control) || text.ends_with(char::is_whitespace) {
            "cannot stand in an openssl.cnf: write a path without line breaks, or a space at its end"
        } else {
            return Ok(Self(text.into()));
        };
        Err(ArgumentError { found: text.into(), why })
    }
}

impl TryFrom<PathBuf> for AbsolutePath {
    type Error = ArgumentError;

    fn try_from(path: PathBuf) -> Result<Self, ArgumentError> {
        match path.into_os_string().into_string() {
            Ok(text) => text.parse(),
            Err(path) => {
                let why = "cannot stand in an openssl.cnf: write a path in UTF-8";
                Err(ArgumentError { found: path.to_string_lossy().into(), why })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stand_in_the_file_is_refused() {
        for text in ["", "a b", "a#", "ä", "$HOME", &"a".repeat(65)] {
            assert!(text.parse::<Program>().expect_err(text).to_string().contains("like `nginx`"), "{text}");
        }
        for text in ["", "agent.sock", "./a", "/a\nb", "/a "] {
            assert!(text.parse::<AbsolutePath>().expect_err(text).to_string().contains("write "), "{text}");
        }
    }

    #[test]
    fn a_server_is_named_as_systemctl_has_it() {
        let unit = |text: &str| text.parse::<Server>().map(|server| server.unit());
        assert_eq!(unit("nginx").unwrap(), "nginx.service");
        assert_eq!(unit("nginx.service").unwrap(), "nginx.service");
        assert_eq!(unit("gunicorn@a").unwrap(), "gunicorn@a.service");
        for text in ["", ".service", "..", "-x", "../etc", "a/b", "gunicorn@", "@a"] {
            assert!(unit(text).expect_err(text).to_string().contains("like `"), "{text}");
        }
    }
}
