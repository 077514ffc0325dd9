//! The session record: what is stored under an id.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Border, RecordBytes, SessionId, VerifiedChain, encoding};
use crate::verdict::{
    Notes,
    wit::types::{Certificate, Session, TlsVersion},
};

/// The encoding's version, the first byte of every record. Others than these two do not decode.
const VERSION: u8 = 1;

/// The version of a record that has its client's chain: what version 1 has, then the chain. A node that reads version 1
/// alone has a full handshake instead. All that have no client certificate are of version 1.
const WITH_CHAIN: u8 = 2;

/// A kept session: the facts that decide about it, and the `SSL_SESSION` itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    /// Where it was made.
    pub border: Border,
    /// Its protocol version.
    pub version: TlsVersion,
    /// Its cipher suite's number in the IANA registry.
    pub cipher_suite: u16,
    /// Whether it was made with an extended master secret (RFC 7627); always true in TLS 1.3.
    pub extended_master_secret: bool,
    /// The protocol that ALPN selected.
    pub alpn: Option<String>,
    /// Time of the full handshake it descends from: seconds since the Unix epoch.
    pub authenticated: u64,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// TLS 1.3 resumptions since the full handshake.
    pub resumptions: u32,
    /// The client's leaf certificate.
    #[serde(with = "encoding::certificate")]
    pub peer_certificate: Option<Certificate>,
    /// The client's chain as it was verified. None without a client certificate, or in a record of version 1: then the
    /// leaf stands for it.
    #[serde(skip)]
    pub chain: Option<VerifiedChain>,
    /// What policies attached.
    #[serde(with = "encoding::notes")]
    pub notes: Notes,
    /// `i2d_SSL_SESSION` of it. Holds the session's secrets.
    #[serde(with = "encoding::secret")]
    pub der: Secret,
}

/// Bytes that are zeroed when dropped and shown by nobody.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl std::ops::Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len())
    }
}

/// A record that does not decode.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It was written by another version of this encoding.
    #[error("a session record of version {found}; this build reads versions {VERSION} and {WITH_CHAIN}")]
    Version {
        /// The version found; none in an empty record.
        found: u8,
    },
    /// Its content is malformed.
    #[error("a malformed session record: {0}")]
    Malformed(#[from] postcard::Error),
    /// Something follows its content.
    #[error("a malformed session record: {bytes} bytes after its end")]
    Trailing {
        /// How much follows.
        bytes: usize,
    },
}

impl Record {
    /// The record as bytes.
    ///
    /// # Errors
    /// None that is known of; the serializer's type has one.
    pub fn encode(&self) -> Result<RecordBytes, RecordError> {
        match &self.chain {
            None => encoded(VERSION, self),
            Some(chain) => encoded(WITH_CHAIN, &(self, chain)),
        }
    }

    /// How many bytes its encoding takes around [`Record::der`] of `der` bytes; `usize::MAX` if it cannot be encoded.
    pub fn encoded_length(&self, der: usize) -> usize {
        let length = match &self.chain {
            None => postcard::experimental::serialized_size(self),
            Some(chain) => postcard::experimental::serialized_size(&(self, chain)),
        };
        let around = |length: usize| 1 + length - varint(self.der.len()) - self.der.len();
        length.map_or(usize::MAX, |length| around(length).saturating_add(varint(der)).saturating_add(der))
    }

    /// How many bytes [`Record::der`] may have for the whole encoding to have at most `most`.
    pub fn room(&self, most: usize) -> usize {
        let around = self.encoded_length(0) - varint(0);
        let room = most.saturating_sub(around);
        let of = |length: usize| room.checked_sub(length).filter(|&room| varint(room) <= length);
        (1..=varint(usize::MAX)).find_map(of).unwrap_or_default()
    }

    /// The record in `bytes`.
    ///
    /// # Errors
    /// It is of another version, or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (record, rest) = match bytes {
            [VERSION, content @ ..] => postcard::take_from_bytes(content)?,
            [WITH_CHAIN, content @ ..] => {
                let ((record, chain), rest): ((Self, _), _) = postcard::take_from_bytes(content)?;
                (Self { chain: Some(chain), ..record }, rest)
            }
            [found, ..] => return Err(RecordError::Version { found: *found }),
            [] => return Err(RecordError::Version { found: 0 }),
        };
        match rest {
            [] => Ok(record),
            rest => Err(RecordError::Trailing { bytes: rest.len() }),
        }
    }

    /// When the client's certificates end that the session rests on; none without a client certificate.
    pub fn certificates_end(&self) -> Option<u64> {
        let leaf = self.peer_certificate.as_ref()?.not_after;
        Some(self.chain.as_ref().map_or(leaf, |chain| leaf.min(chain.not_after)))
    }

    /// Whether the client's certificates are valid at `now`, as a full handshake would find.
    pub fn certificates_are_valid(&self, now: u64) -> bool {
        let Some(leaf) = &self.peer_certificate else { return true };
        let begin = self.chain.as_ref().map_or(leaf.not_before, |chain| leaf.not_before.max(chain.not_before));
        begin <= now && self.certificates_end().is_none_or(|end| now < end)
    }

    /// Moves its times back, if need be, so that it expires at `expires` or before.
    ///
    /// Another node wrote it, by a clock that may be ahead of this one's; a store that counts down by a clock of its own says when it
    /// really ends. Times are never moved forward: nothing resumes longer for a clock that is wrong.
    pub fn expire_by(&mut self, expires: u64) {
        let ahead = self.expires.saturating_sub(expires);
        self.expires -= ahead;
        self.authenticated = self.authenticated.saturating_sub(ahead);
    }

    /// About how many bytes of heap a decoded record takes where it is shared.
    pub fn heap_bytes(&self) -> usize {
        const PAIR: usize = size_of::<(String, Vec<u8>)>();
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let Border { server_name, listener, site, .. } = &self.border;
        let border = text(server_name) + listener.len() + site.len();
        let notes: usize = self.notes.iter().map(|(policy, note)| PAIR + policy.len() + note.len()).sum();
        let certificate = self.peer_certificate.as_ref().map_or(0, |certificate| {
            let Certificate { sha256, spki_sha256, subject, issuer, serial, alternative_names, .. } = certificate;
            let names: usize = alternative_names.iter().map(|(kind, name)| PAIR + kind.len() + name.len()).sum();
            sha256.len() + spki_sha256.len() + subject.len() + issuer.len() + serial.len() + names
        });
        let chain = self.chain.as_ref().map_or(0, |chain| size_of_val(chain.issuers.as_slice()));
        size_of::<Self>() + border + text(&self.alpn) + notes + certificate + chain + self.der.len()
    }

    /// The facts that policies are given. Notes are added for each policy when it is asked.
    pub fn facts(&self, id: &SessionId, fetches: u32) -> Session {
        Session {
            id: id.as_bytes().to_vec(),
            version: self.version,
            cipher_suite: self.cipher_suite,
            server_name: self.border.server_name.clone(),
            alpn: self.alpn.clone(),
            authenticated: self.authenticated,
            expires: self.expires,
            resumptions: if self.version == TlsVersion::Tls13 { self.resumptions } else { fetches },
            peer_certificate: self.peer_certificate.clone(),
            note: None,
            attributes: Vec::new(),
        }
    }
}

/// How many bytes postcard writes for a length.
fn varint(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

/// `content` after the version's byte. Sized beforehand, so that no reallocation leaves secrets behind in freed memory.
fn encoded(version: u8, content: &impl Serialize) -> Result<RecordBytes, RecordError> {
    let mut bytes = Zeroizing::new(vec![0; 1 + postcard::experimental::serialized_size(content)?]);
    bytes[0] = version;
    postcard::to_slice(content, &mut bytes[1..])?;
    Ok(RecordBytes::new(std::mem::take(&mut *bytes)))
}

/// Without the secrets, what policies noted and who the client is.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("border", &self.border)
            .field("version", &self.version)
            .field("cipher_suite", &format_args!("{:#06x}", self.cipher_suite))
            .field("extended_master_secret", &self.extended_master_secret)
            .field("authenticated", &self.authenticated)
            .field("expires", &self.expires)
            .field("resumptions", &self.resumptions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use super::*;
    use crate::session::Epoch;

    fn record() -> Record {
        Record {
            border: Border {
                server_name: Some("www.example.org".into()),
                listener: "public".into(),
                site: "default".into(),
                verify_mode: 1,
                epoch: Epoch::of(b"one"),
            },
            version: TlsVersion::Tls13,
            cipher_suite: 0x1302,
            extended_master_secret: true,
            alpn: Some("h2".into()),
            authenticated: 1_700_000_000,
            expires: 1_700_007_200,
            resumptions: 3,
            peer_certificate: None,
            chain: None,
            notes: vec![("tenants".into(), vec![0xa5; 32]), ("lifetimes".into(), Vec::new())],
            der: Secret::new(vec![0x5a; 180]),
        }
    }

    fn record_with_certificate() -> Record {
        Record {
            peer_certificate: Some(Certificate {
                sha256: vec![1; 32],
                spki_sha256: vec![2; 32],
                subject: "CN=client 7,O=Example".into(),
                issuer: "CN=Example CA,O=Example".into(),
                serial: vec![3; 20],
                not_before: 1_690_000_000,
                not_after: 1_790_000_000,
                alternative_names: vec![("dns".into(), "seven.example.org".into()), ("ip".into(), "::1".into())],
                verified: true,
            }),
            der: Secret::new(vec![0x5a; 1_200]),
            ..record()
        }
    }

    fn record_with_chain() -> Record {
        let chain =
            VerifiedChain { not_before: 1_695_000_000, not_after: 1_780_000_000, issuers: vec![0xdead_beef, 7] };
        Record { chain: Some(chain), ..record_with_certificate() }
    }

    /// A record's fields, those that `Debug` hides too.
    type Fields = (String, Option<String>, Option<Certificate>, Option<VerifiedChain>, Notes, Vec<u8>);

    fn fields(record: &Record) -> Fields {
        let Record { alpn, peer_certificate, chain, notes, der, .. } = record.clone();
        (format!("{record:?}"), alpn, peer_certificate, chain, notes, der.to_vec())
    }

    #[test]
    fn a_record_decodes_to_what_was_encoded() {
        for record in [record(), record_with_certificate(), record_with_chain()] {
            let decoded = Record::decode(&record.encode().unwrap()).unwrap();
            assert_eq!(fields(&decoded), fields(&record));
        }
    }

    #[test]
    fn the_length_of_an_encoding_is_known_before_its_session_is() {
        for record in [record(), record_with_certificate(), record_with_chain()] {
            for der in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
                let known = Record { der: Secret::default(), ..record.clone() }.encoded_length(der);
                let encoded = Record { der: Secret::new(vec![7; der]), ..record.clone() }.encode().unwrap();
                assert_eq!(known, encoded.len(), "{der} bytes");
                let without = Record { der: Secret::default(), ..record.clone() };
                assert_eq!(without.room(encoded.len()), der);
            }
            assert_eq!(record.room(10), 0, "there is no room for the rest of it");
        }
    }

    /// Nodes of a fleet run different builds: what a version means never changes.
    #[test]
    fn the_encodings_of_both_versions_stay_as_they_are() {
        let encoded =
            |record: Record| openssl::sha::sha256(&record.encode().unwrap()).map(|byte| format!("{byte:02x}"));
        assert_eq!(
            encoded(record_with_certificate()).concat(),
            "a56467faa949cd602b4a75dc735b477591f4806f0984ad5fb79ac84395129254"
        );
        assert_eq!(
            encoded(record_with_chain()).concat(),
            "73aa7dba73534cacc5744cccf3e7274468fe59028ed7f373e952ba48824b73ec"
        );
    }

    #[test]
    fn only_a_record_with_a_chain_is_of_version_2() {
        let versions = [record(), record_with_certificate(), record_with_chain()];
        assert_eq!(versions.map(|record| record.encode().unwrap()[0]), [1, 1, 2]);
        let (before, now) = (record_with_certificate().encode().unwrap(), record_with_chain().encode().unwrap());
        assert_eq!(now[1..before.len()], before[1..], "version 2 begins with what version 1 has");
    }

    #[test]
    fn certificates_end_with_the_first_of_the_chain() {
        let ends = [record(), record_with_certificate(), record_with_chain()].map(|record| record.certificates_end());
        assert_eq!(ends, [None, Some(1_790_000_000), Some(1_780_000_000)]);
        let later = VerifiedChain { not_before: 0, not_after: u64::MAX, issuers: Vec::new() };
        let leaf_first = Record { chain: Some(later), ..record_with_certificate() };
        assert_eq!(leaf_first.certificates_end(), Some(1_790_000_000));
    }

    #[test]
    fn certificates_are_valid_while_each_of_them_is() {
        let times =
            [0, 1_689_999_999, 1_690_000_000, 1_694_999_999, 1_695_000_000, 1_779_999_999, 1_780_000_000, u64::MAX];
        let valid = |record: Record| times.map(|now| record.certificates_are_valid(now));
        assert_eq!(valid(record()), [true; 8]);
        assert_eq!(valid(record_with_certificate()), [false, false, true, true, true, true, true, false]);
        assert_eq!(valid(record_with_chain()), [false, false, false, false, true, true, false, false]);
    }

    #[test]
    fn times_of_a_clock_that_is_ahead_are_moved_back_and_of_one_that_is_behind_not_forward() {
        let moved = |by: i64| {
            let mut record = record();
            record.expire_by(record.expires.saturating_add_signed(by));
            (record.authenticated, record.expires)
        };
        assert_eq!(moved(-5), (1_699_999_995, 1_700_007_195));
        assert_eq!(moved(5), (1_700_000_000, 1_700_007_200));
    }

    #[test]
    fn a_record_of_another_version_is_refused_by_its_number() {
        let mut bytes = record().encode().unwrap().to_vec();
        bytes[0] = 9;
        assert!(matches!(Record::decode(&bytes), Err(RecordError::Version { found: 9 })));
        assert!(matches!(Record::decode(&[]), Err(RecordError::Version { found: 0 })));
    }

    #[test]
    fn a_record_cut_off_anywhere_or_followed_by_anything_is_refused() {
        let bytes = record_with_certificate().encode().unwrap().to_vec();
        for length in 0..bytes.len() {
            assert!(Record::decode(&bytes[..length]).is_err(), "{length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(Record::decode(&longer), Err(RecordError::Trailing { bytes: 1 })));
    }

    #[test]
    fn no_changed_byte_makes_decoding_panic() {
        let bytes = record_with_chain().encode().unwrap().to_vec();
        let (mut refused, mut accepted) = (0, 0);
        for index in 0..bytes.len() {
            for flip in 1..=255 {
                let mut changed = bytes.clone();
                changed[index] ^= flip;
                match Record::decode(&changed) {
                    Ok(_) => accepted += 1,
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 0 && accepted > 0, "{refused} refused, {accepted} accepted");
    }

    #[test]
    fn a_record_shows_neither_secrets_nor_notes() {
        let shown = format!("{:?}", record_with_certificate());
        assert!(shown.contains("www.example.org"), "{shown}");
        for hidden in ["90, 90", "5a5a", "165, 165", "a5a5", "tenants", "client 7"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    /// Every string and list is an allocation of its own; none is forgotten.
    #[test]
    fn what_a_decoded_record_takes_grows_with_each_of_its_fields() {
        type Grow = fn(&mut Record, usize);
        let fields: [Grow; 12] = [
            |record, by| record.border.server_name = Some("n".repeat(by)),
            |record, by| record.border.listener = "l".repeat(by),
            |record, by| record.border.site = "s".repeat(by),
            |record, by| record.alpn = Some("a".repeat(by)),
            |record, by| record.notes[0].1 = vec![0; by],
            |record, by| record.peer_certificate.as_mut().unwrap().sha256 = vec![0; by],
            |record, by| record.peer_certificate.as_mut().unwrap().spki_sha256 = vec![0; by],
            |record, by| record.peer_certificate.as_mut().unwrap().subject = "s".repeat(by),
            |record, by| record.peer_certificate.as_mut().unwrap().issuer = "i".repeat(by),
            |record, by| record.peer_certificate.as_mut().unwrap().serial = vec![0; by],
            |record, by| record.peer_certificate.as_mut().unwrap().alternative_names[0].1 = "n".repeat(by),
            |record, by| record.chain.as_mut().unwrap().issuers = vec![0; by / size_of::<u32>()],
        ];
        for (number, grow) in fields.iter().enumerate() {
            let takes = |by: usize| {
                let mut record = record_with_chain();
                grow(&mut record, by);
                record.heap_bytes()
            };
            assert_eq!(takes(1_000) - takes(0), 1_000, "field {number}");
        }
        assert!(record().heap_bytes() > size_of::<Record>());
    }

    #[test]
    #[ignore = "a measurement"]
    fn how_long_encoding_and_decoding_take() {
        const TIMES: u32 = 1_000_000;
        for (what, record) in [("without", record()), ("with", record_with_certificate())] {
            let bytes = record.encode().unwrap();
            let start = Instant::now();
            (0..TIMES).for_each(|_| drop(black_box(black_box(&record).encode())));
            let encoded = start.elapsed() / TIMES;
            let start = Instant::now();
            (0..TIMES).for_each(|_| drop(black_box(Record::decode(black_box(&bytes)))));
            let decoded = start.elapsed() / TIMES;
            println!("{what} certificate, {} bytes: encode {encoded:?}, decode {decoded:?}", bytes.len());
        }
    }
}
