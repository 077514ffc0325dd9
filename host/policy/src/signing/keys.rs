//! The public keys, and the check.

use std::path::Path;

use minisign_verify::{Error, PublicKey, Signature};
use openssl::{
    base64,
    error::ErrorStack,
    pkey::{Id, PKey},
    sign::Verifier,
};
use reprise_session::reading;

use super::{KeysError, SignatureError, Statement};

/// The largest file of policy keys that is read: a key is a line.
const MOST: u64 = 1 << 20;

/// The keys whose signatures let a policy go live.
#[derive(Clone, Debug)]
pub struct PolicyKeys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    minisign: PublicKey,
    /// The same key's 32 bytes, for what minisign-verify does not tell: whether a comment is the
    /// key's where the content is not.
    ed25519: [u8; 32],
}

/// What a signature that holds says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// When: seconds since the Unix epoch, by the signer's clock.
    pub timestamp: u64,
}

impl PolicyKeys {
    /// The keys in a file: minisign public keys, one a line. Blank lines, and lines that begin with
    /// `#` or `untrusted comment:`, are passed over, so that `NAME.pub` files put together make
    /// one.
    ///
    /// # Errors
    /// The file cannot be read, a line in it is no key, or there is none.
    pub fn read(file: &Path) -> Result<Self, KeysError> {
        let unreadable = |source| KeysError::Unreadable { file: file.to_owned(), source };
        let whole = reading::read(file, MOST).map_err(|unread| unreadable(unread.into_io()))?;
        let text = reading::text(whole.bytes).map_err(unreadable)?;
        Self::parse(&text, file)
    }

    /// The keys in the text of such a file. `file` is what an error names.
    ///
    /// # Errors
    /// A line is no key, or there is none.
    pub fn parse(text: &str, file: &Path) -> Result<Self, KeysError> {
        let keys = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()))
            .filter(|(_, line)| !(line.is_empty() || line.starts_with('#') || line.starts_with("untrusted comment:")))
            .map(|(line, text)| Key::decode(text).ok_or_else(|| KeysError::Malformed { file: file.to_owned(), line }))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeysError::Empty { file: file.to_owned() }) } else { Ok(Self(keys)) }
    }

    /// Holds a signature, the content of `NAME.wasm.sig`, against the files it was made for.
    ///
    /// # Errors
    /// It does not hold, or there is none.
    pub fn verify(
        &self,
        policy: &str,
        module: &[u8],
        manifest: Option<&[u8]>,
        signature: Option<&[u8]>,
    ) -> Result<Signed, SignatureError> {
        let text = std::str::from_utf8(signature.ok_or(SignatureError::Missing)?);
        let text = text.map_err(|_| SignatureError::Malformed)?;
        let signature = Signature::decode(text).map_err(|_| SignatureError::Malformed)?;
        let statement = Statement::parse(signature.trusted_comment());
        let mut error = SignatureError::UnknownKey;
        for key in &self.0 {
            match key.minisign.verify(module, &signature, false) {
                Ok(()) => return stands_for(statement, policy, module, manifest),
                Err(Error::UnexpectedKeyId) => {}
                Err(Error::UnexpectedAlgorithm) => error = SignatureError::Malformed,
                Err(_) => error = key.why_not(text, statement.as_ref(), module),
            }
        }
        Err(error)
    }
}

/// Whether what was signed beside the module's bytes is what lies there.
fn stands_for(
    statement: Option<Statement>,
    policy: &str,
    module: &[u8],
    manifest: Option<&[u8]>,
) -> Result<Signed, SignatureError> {
    let signed = statement.ok_or(SignatureError::NoStatement)?;
    let found = Statement::of(policy, module, manifest, signed.timestamp);
    if signed == found {
        return Ok(Signed { timestamp: signed.timestamp });
    }
    Err(match signed {
        Statement { policy, .. } if policy != found.policy => SignatureError::OtherName { signed: policy },
        Statement { module, .. } if module != found.module => SignatureError::NoStatement,
        _ => SignatureError::OtherSettings,
    })
}

impl Key {
    fn decode(text: &str) -> Option<Self> {
        let minisign = PublicKey::from_base64(text).ok()?;
        // Two bytes of algorithm, eight of key id, 32 of key.
        let ed25519 = base64::decode_block(text).ok()?.get(10..42)?.try_into().ok()?;
        Some(Self { minisign, ed25519 })
    }

    /// A signature that names this key does not hold for the module. If its comment is the key's
    /// all the same, and speaks of other content, then it was made before the module changed. Only
    /// the words depend on this.
    fn why_not(&self, signature: &str, statement: Option<&Statement>, module: &[u8]) -> SignatureError {
        match statement {
            Some(statement)
                if statement.module != openssl::sha::sha256(module)
                    && self.made_comment(signature).unwrap_or(false) =>
            {
                SignatureError::Outdated { signed: statement.timestamp }
            }
            _ => SignatureError::Wrong,
        }
    }

    /// Whether the trusted comment is signed by this key: the second signature in the file, over
    /// the first and the comment.
    fn made_comment(&self, signature: &str) -> Result<bool, ErrorStack> {
        let mut lines = signature.lines().skip(1);
        let mut next = || lines.next().unwrap_or_default();
        let (first, comment, second) = (base64::decode_block(next())?, next(), base64::decode_block(next())?);
        let signed = [first.get(10..).unwrap_or_default(), comment.trim_start_matches("trusted comment: ").as_bytes()];
        let key = PKey::public_key_from_raw_bytes(&self.ed25519, Id::ED25519)?;
        Verifier::new_without_digest(&key)?.verify_oneshot(&second, &signed.concat())
    }
}
