use reprise::{fuzzing::Revocation, store::Notice};

/// A notice that the store tells: a revocation that encodes to itself, or as much of it as can be
/// read, never less than was meant.
pub fn notice(bytes: &[u8]) {
    const EXPIRES: u64 = 1_800_000_000;
    let notice = Notice { bytes: bytes.into(), expires: EXPIRES };
    match Revocation::decode(&notice) {
        Ok(revocation) => {
            assert_eq!(revocation.expires, EXPIRES);
            let encoded = revocation.encode().expect("what was decoded encodes");
            assert_eq!(Revocation::decode(&encoded).expect("what was encoded decodes"), revocation);
            assert!(encoded.bytes.len() <= bytes.len(), "the encoding is the shortest");
            assert!(
                Revocation::decode(&Notice { bytes: [bytes, &[0]].concat(), ..notice }).is_err(),
                "something follows"
            );
        }
        Err(unread) => {
            // A version and a time are the first nine bytes of every version.
            let time = bytes.get(1..9).map(|time| u64::from_be_bytes(time.try_into().expect("eight bytes")));
            assert_eq!(unread.before(), time, "the time is read wherever it is");
        }
    }
}
