//! Why nothing was signed.

use std::{io, path::PathBuf, time::SystemTimeError};

use minisign::PError;
use reprise_session::reading::Unread;

/// A key or a signature that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A key would be overwritten.
    #[error("{} is there already: a key is never overwritten; choose another name", .0.display())]
    KeyIsThere(PathBuf),
    /// minisign makes none.
    #[error("no key could be made")]
    NoKey(#[source] PError),
    /// The key to sign with cannot be read.
    #[error("the key to sign with")]
    UnreadKey(#[source] Unread),
    /// What is in the file is no secret key, or the password is another one.
    #[error(
        "{} is no secret key to sign with ({}): make one with `reprise sign --new-key NAME`",
        file.display(),
        once(&plain.to_string(), &decrypted.to_string())
    )]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it as one without a password.
        plain: PError,
        /// What is wrong with it as one with a password.
        decrypted: PError,
    },
    /// The file to sign is called otherwise than a policy is.
    #[error("{}: expected a policy's module, NAME.wasm", .0.display())]
    NotAModule(PathBuf),
    /// Its name could not be told in a line.
    #[error("{0:?} has control characters in it: rename it")]
    ControlCharacters(String),
    /// The module or its settings cannot be read.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// A signature says when it was made.
    #[error("the clock is before 1970")]
    Clock(#[source] SystemTimeError),
    /// minisign does not sign.
    #[error(transparent)]
    Minisign(#[from] PError),
    /// What was made cannot be written.
    #[error("{} cannot be written", file.display())]
    Unwritten {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Two reasons, or one where they are the same: what is no key at all is none in both ways.
fn once(one: &str, other: &str) -> String {
    if one == other { one.to_owned() } else { format!("{one}; {other}") }
}
