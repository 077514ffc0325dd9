use reprise::session::{Record, SessionId};

/// The session record's decoder: what decodes has one end, and encodes to what decodes to the same.
pub fn record(bytes: &[u8]) {
    let Ok(record) = Record::decode(bytes) else { return };
    assert!(Record::decode(&[bytes, &[0]].concat()).is_err(), "something follows its end");
    assert!(Record::decode(&bytes[..bytes.len() - 1]).is_err(), "its end is missing");

    let encoded = record.encode().expect("what was decoded encodes");
    assert!(encoded.len() <= bytes.len(), "the encoding is the shortest");
    let again = Record::decode(&encoded).expect("what was encoded decodes");
    assert_eq!(*again.encode().expect("as before"), *encoded, "it encodes to the same");
    // Debug leaves out what is secret or private; the facts have the rest of it.
    assert_eq!(format!("{again:?}"), format!("{record:?}"));
    let id = SessionId::from([0; 32]);
    assert_eq!(again.facts(&id, 1), record.facts(&id, 1));
    assert_eq!((&again.notes, &again.chain, &*again.der), (&record.notes, &record.chain, &*record.der));
}
