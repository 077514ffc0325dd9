//! How a record's fields of bytes are encoded: as slices, copied whole. Serde's derive takes a
//! `Vec<u8>` for a sequence and goes through it byte by byte; the encoding is the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::verdict::wit::types::Certificate;

/// For `#[serde(with)]` on bytes that are zeroized when dropped.
pub(super) mod secret {
    use super::*;
    use crate::session::record::Secret;

    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(secret)
    }

    /// From bytes borrowed of the input, so that there is one copy, of the right size.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        let bytes: &[u8] = serde_bytes::deserialize(deserializer)?;
        Ok(Secret::new(bytes.to_vec()))
    }
}

/// For `#[serde(with)]` on notes.
pub(super) mod notes {
    use serde_bytes::{ByteBuf, Bytes};

    use super::*;
    use crate::verdict::Notes;

    pub fn serialize<S: Serializer>(notes: &Notes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(notes.iter().map(|(policy, note)| (policy, Bytes::new(note))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Notes, D::Error> {
        let notes = Vec::<(String, ByteBuf)>::deserialize(deserializer)?;
        Ok(notes.into_iter().map(|(policy, note)| (policy, note.into_vec())).collect())
    }
}

/// For `#[serde(with)]` on a certificate.
pub(super) mod certificate {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "Certificate")]
    struct Fields {
        #[serde(with = "serde_bytes")]
        sha256: Vec<u8>,
        #[serde(with = "serde_bytes")]
        spki_sha256: Vec<u8>,
        subject: String,
        issuer: String,
        #[serde(with = "serde_bytes")]
        serial: Vec<u8>,
        not_before: u64,
        not_after: u64,
        alternative_names: Vec<(String, String)>,
        verified: bool,
    }

    #[derive(Serialize)]
    struct Borrowed<'a>(#[serde(with = "Fields")] &'a Certificate);

    #[derive(Deserialize)]
    struct Owned(#[serde(with = "Fields")] Certificate);

    pub fn serialize<S: Serializer>(certificate: &Option<Certificate>, serializer: S) -> Result<S::Ok, S::Error> {
        certificate.as_ref().map(Borrowed).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Certificate>, D::Error> {
        Ok(Option::<Owned>::deserialize(deserializer)?.map(|Owned(certificate)| certificate))
    }
}
