//! What a signature says beside its bytes.

use openssl::sha::sha256;
use reprise_session::hex::hex;

/// The trusted comment of a policy's signature, in minisign's own style: `key:value`, separated by tabs.
///
/// `timestamp:1763900000⇥policy:tenants⇥sha256:…⇥toml:…`, the last one `toml:none` where there is no `.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// When it was signed: seconds since the Unix epoch, by the signer's clock.
    pub timestamp: u64,
    /// The policy's name: the module's file stem without its number, which can be changed without signing again.
    pub policy: String,
    /// SHA-256 of the module.
    pub module: [u8; 32],
    /// SHA-256 of the `.toml` beside it, if there is one.
    pub manifest: Option<[u8; 32]>,
}

impl Statement {
    /// The statement about these files.
    pub fn of(policy: &str, module: &[u8], manifest: Option<&[u8]>, timestamp: u64) -> Self {
        Self { timestamp, policy: policy.into(), module: sha256(module), manifest: manifest.map(sha256) }
    }

    /// The statement in a trusted comment; none if it is another kind of comment. Exact: there is
    /// one way to write each.
    pub fn parse(comment: &str) -> Option<Self> {
        let mut parts = comment.split('\t');
        let mut next = |key: &str| parts.next()?.strip_prefix(key)?.strip_prefix(':');
        let (timestamp, policy) = (next("timestamp")?, next("policy")?);
        let (module, manifest) = (next("sha256")?, next("toml")?);
        let manifest = if manifest == "none" { None } else { Some(from_hex(manifest)?) };
        let timestamp = timestamp.parse().ok()?;
        let statement = Self { timestamp, policy: policy.into(), module: from_hex(module)?, manifest };
        (statement.to_comment() == comment).then_some(statement)
    }

    /// As a trusted comment.
    pub fn to_comment(&self) -> String {
        let Self { timestamp, policy, module, manifest } = self;
        let manifest = manifest.as_ref().map_or_else(|| "none".into(), |hash| hex(hash));
        format!("timestamp:{timestamp}\tpolicy:{policy}\tsha256:{}\ttoml:{manifest}", hex(module))
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_reads_as_it_was_written() {
        for manifest in [None, Some(b"x".as_slice())] {
            let statement = Statement::of("tenants", b"module", manifest, 1_763_900_000);
            assert_eq!(Statement::parse(&statement.to_comment()), Some(statement));
        }
    }

    #[test]
    fn whatever_is_written_otherwise_is_no_statement() {
        let good = Statement::of("tenants", b"module", None, 7).to_comment();
        let bad = [
            "timestamp:7\tfile:tenants.wasm\thashed".to_string(),
            good.replace("timestamp:7", "timestamp:+7"),
            good.replace("timestamp:7", "timestamp:07"),
            good.replace("toml:none", "toml:"),
            format!("{good}\t"),
            good.to_uppercase(),
            String::new(),
        ];
        for comment in bad {
            assert_eq!(Statement::parse(&comment), None, "{comment}");
        }
    }
}
