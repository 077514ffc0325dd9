//! What holds a secret does not show it.

use crate::support;

use std::fmt::Debug;

use reprise::{
    session::{Border, Epoch, Keyring, Record, Secret, SessionId},
    store::{Entry, Found, Memory, Priority, Reach, RecordBytes, Removal, Removed},
};
use support::store::{entry, fetch, id, prototype};
use zeroize::Zeroizing;

/// Not to be mistaken for anything else, in any notation.
const SECRET: [u8; 32] = [
    0xd1, 0xa7, 0xc3, 0xe9, 0xb5, 0xf3, 0x9d, 0xab, 0xcd, 0xef, 0xd3, 0xa5, 0xc1, 0xeb, 0xb7, 0xf1, 0x9b, 0xad, 0xcb,
    0xed, 0xd5, 0xa3, 0xc5, 0xe7, 0xb9, 0xf5, 0x99, 0xaf, 0xc7, 0xe1, 0xd7, 0xa1,
];

/// The secret, or part of it, as programs print bytes: four bytes in a row are no accident.
fn shown(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    SECRET.windows(4).any(|part| {
        let list = |show: fn(&u8) -> String| part.iter().map(show).collect::<Vec<_>>();
        let (hex, decimal) = (list(|byte| format!("{byte:02x}")), list(|byte| byte.to_string()));
        let escaped: String = part.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let forms = [hex.concat(), hex.join(","), hex.join(":"), hex.join(",0x"), decimal.join(","), escaped];
        forms.iter().any(|form| text.contains(form))
    })
}

fn assert_hidden(what: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.is_empty() && !shown(&text), "{what} shows a secret: {text}");
    }
}

#[test]
fn a_secret_would_be_found_in_any_notation() {
    let bytes = SECRET.to_vec();
    for text in [format!("{bytes:?}"), format!("{bytes:#?}"), format!("{bytes:02x?}"), format!("{bytes:X?}")] {
        assert!(shown(&text), "{text}");
    }
    let hex: String = SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(shown(&hex) && shown(&hex.to_uppercase()) && shown(&SECRET.escape_ascii().to_string()));
}

#[test]
fn what_holds_a_secret_does_not_show_it() {
    let border = Border {
        server_name: None,
        listener: "public".into(),
        site: "default".into(),
        verify_mode: 0,
        epoch: Epoch::default(),
    };
    let record = Record {
        border,
        version: reprise::policy::wit::types::TlsVersion::Tls13,
        cipher_suite: 0x1301,
        extended_master_secret: true,
        alpn: None,
        authenticated: 0,
        expires: 1,
        resumptions: 0,
        peer_certificate: None,
        chain: None,
        notes: vec![("a".into(), SECRET.to_vec())],
        der: Secret::new(SECRET.to_vec()),
    };
    let bytes = || RecordBytes::new(SECRET.to_vec());
    let kept = Entry { record: bytes(), prototype: Some(prototype()), ..entry(1) };
    let store = Memory::default();
    reprise::store::Store::put(&store, id(1), kept.clone(), 0);
    let found: Found = fetch(&store, &id(1)).expect("it was put");
    let (key, session) = (Keyring::new(Zeroizing::new(SECRET)).unwrap(), SessionId::from(SECRET));

    assert_hidden("a record", &record);
    assert_hidden("a secret", &record.der);
    assert_hidden("an encoded record", &bytes());
    assert_hidden("an entry", &kept);
    assert_hidden("what a fetch finds", &found);
    assert_hidden(
        "what a store gave up",
        &Removed { id: id(1), record: bytes(), reach: Reach::Fleet, why: Removal::Evicted },
    );
    assert_hidden("a prototype", &kept.prototype);
    assert_hidden("a keyring", &key);
    assert_eq!((Priority::Normal, Reach::Fleet), (kept.priority, kept.reach), "what is no secret is there");

    // An id is shown by its first eight bytes: enough to find it in a log, too little to offer it.
    let printed = format!("{session:?} {session}");
    let rest: String = SECRET[8..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(
        printed.contains("d1a7c3e9b5f39dab")
            && !rest.as_bytes().windows(4).any(|part| printed.contains(std::str::from_utf8(part).unwrap()))
    );
}
