//! Why a signature does not hold, in words for the operator.

use std::{fmt, path::PathBuf};

/// A file of policy keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("{}: the policy keys cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// One of its lines is not a key.
    #[error(
        "{}: line {line} is no policy key: expected a public key in minisign's format (`RW…`, 56 characters), as in the NAME.pub \
         that `reprise sign --new-key NAME` makes",
        file.display()
    )]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// There is no key in it, and nothing could ever go live.
    #[error("{}: there is no policy key in it: put in what is in NAME.pub, from `reprise sign --new-key NAME`", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

/// Why a signature does not let a module go live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// There is none.
    Missing,
    /// It is not in minisign's format, or in the one that signs without hashing first.
    Malformed,
    /// None of the keys made it.
    UnknownKey,
    /// One of the keys is named in it, and did not make it.
    Wrong,
    /// One of the keys made it, for a module with other content: the module was changed and not signed again.
    Outdated {
        /// When it was made: seconds since the Unix epoch.
        signed: u64,
    },
    /// It holds for the module, and says nothing of name and settings: made with another tool.
    NoStatement,
    /// It was made for a policy of another name.
    OtherName {
        /// The name it was made for.
        signed: String,
    },
    /// It was made for other settings, or with or without any: the `.toml` was changed and not signed again.
    OtherSettings,
}

impl SignatureError {
    /// What was expected, whatever was found.
    pub const EXPECTED: &str = "a signature of this module and its settings by one of the policy keys";

    /// What was found.
    pub fn found(&self) -> String {
        match self {
            Self::Missing => "no signature".into(),
            Self::Malformed => "what is no prehashed minisign signature".into(),
            Self::UnknownKey => "a signature by an unknown key".into(),
            Self::Wrong => "a wrong signature: it names a trusted key, which did not make it".into(),
            Self::Outdated { signed } => {
                let signed = date(*signed);
                format!("a signature older than the module: it was made for other content ({signed})")
            }
            Self::NoStatement => "a signature that covers neither the policy's name nor its settings".into(),
            Self::OtherName { signed } => format!("a signature made for the policy `{signed}`"),
            Self::OtherSettings => {
                "a signature made for other settings: the .toml is not the one that was signed".into()
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "Sign it, `reprise sign --key KEY NAME.wasm`, and put NAME.wasm.sig beside it.",
            Self::UnknownKey => {
                "Have it signed with a key that is trusted here, or add the signer's public key to the policy keys and restart."
            }
            Self::Wrong => {
                "The module or its signature is damaged or forged: get both again from where they were signed."
            }
            Self::OtherName { .. } => "Give the module the name it was signed under, or sign it under this one.",
            Self::Outdated { .. } => "Put the signature there that came with the module, or sign the module again.",
            Self::Malformed | Self::NoStatement | Self::OtherSettings => {
                "Sign the files as they lie there: `reprise sign --key KEY NAME.wasm`."
            }
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; found {}. {}", Self::EXPECTED, self.found(), self.hint())
    }
}

impl std::error::Error for SignatureError {}

/// A time in UTC, as an operator reads it.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| openssl::asn1::Asn1Time::from_unix(seconds).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}
