//! What a signature lets through, and what it does not.

use std::fs;

use minisign::{KeyPair, SecretKey};
use tempfile::TempDir;

use super::{sign::sign, *};

const FILE: &str = "keys";
const MODULE: &[u8] = b"\0asm module";

/// A key pair: the public half as policy keys.
fn key() -> (SecretKey, PolicyKeys) {
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().unwrap();
    (sk, PolicyKeys::parse(&pk.to_box().unwrap().into_string(), FILE.as_ref()).unwrap())
}

/// The signature of [`MODULE`] as `file`, with these settings.
fn signature(file: &str, toml: Option<&str>, key: &SecretKey) -> String {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(file), MODULE).unwrap();
    if let Some(toml) = toml {
        fs::write(dir.path().join(file).with_extension("toml"), toml).unwrap();
    }
    fs::read_to_string(sign(&dir.path().join(file), key).unwrap()).unwrap()
}

fn verify(
    keys: &PolicyKeys,
    name: &str,
    module: &[u8],
    toml: Option<&str>,
    signature: &str,
) -> Result<(), SignatureError> {
    keys.verify(name, module, toml.map(str::as_bytes), Some(signature.as_bytes())).map(|_| ())
}

#[test]
fn a_signature_holds_for_the_module_name_and_settings_it_was_made_for_and_for_no_other() {
    let (secret, keys) = key();
    let (plain, set) = (signature("10-a.wasm", None, &secret), signature("10-a.wasm", Some("x = 1"), &secret));
    assert_eq!(verify(&keys, "a", MODULE, None, &plain), Ok(()));
    assert_eq!(verify(&keys, "a", MODULE, Some("x = 1"), &set), Ok(()));

    let renamed = SignatureError::OtherName { signed: "a".into() };
    assert_eq!(verify(&keys, "b", MODULE, None, &plain), Err(renamed));
    for (toml, signature) in [(Some("x = 1"), &plain), (Some("x = 2"), &set), (None, &set)] {
        assert_eq!(verify(&keys, "a", MODULE, toml, signature), Err(SignatureError::OtherSettings), "{toml:?}");
    }
}

#[test]
fn a_signature_older_than_the_module_is_told_from_a_wrong_one() {
    let (secret, keys) = key();
    let good = signature("a.wasm", None, &secret);
    let error = verify(&keys, "a", b"\0asm changed since", None, &good).unwrap_err();
    assert!(matches!(error, SignatureError::Outdated { signed } if signed > 1_700_000_000), "{error:?}");

    // A stranger who writes such a comment himself did not make it with the key.
    let comment = good.lines().nth(2).unwrap();
    let forged = good.replace(comment, &Statement::of("a", b"other", None, 1_763_900_000).to_comment());
    let forged = forged.replace("timestamp:", "trusted comment: timestamp:");
    assert_eq!(verify(&keys, "a", b"\0asm changed since", None, &forged), Err(SignatureError::Wrong));
}

#[test]
fn no_changed_character_of_a_signature_lets_it_hold() {
    let (secret, keys) = key();
    let good = signature("a.wasm", None, &secret);
    // The first line is an untrusted comment, as minisign has it.
    let signed = good.find('\n').unwrap() + 1;
    for at in signed..good.trim_end().len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verify(&keys, "a", MODULE, None, &changed).is_err(), "at {at}: {changed}");
    }
}

#[test]
fn a_signature_by_a_key_that_is_not_listed_is_by_an_unknown_key() {
    let ((secret, _), (_, keys)) = (key(), key());
    assert_eq!(verify(&keys, "a", MODULE, None, &signature("a.wasm", None, &secret)), Err(SignatureError::UnknownKey));
}

#[test]
fn any_of_several_keys_will_do() {
    let pairs = [(); 3].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let text: String = pairs.iter().map(|pair| pair.pk.to_box().unwrap().into_string()).collect();
    let keys = PolicyKeys::parse(&format!("# ours\n\n{text}"), FILE.as_ref()).unwrap();
    for KeyPair { sk, .. } in &pairs {
        assert_eq!(verify(&keys, "a", MODULE, None, &signature("a.wasm", None, sk)), Ok(()));
    }
}

#[test]
fn a_plain_minisign_signature_does_not_cover_the_settings_and_is_refused() {
    let (secret, keys) = key();
    let plain = minisign::sign(None, &secret, MODULE, None, None).unwrap().into_string();
    assert_eq!(verify(&keys, "a", MODULE, None, &plain), Err(SignatureError::NoStatement));
}

#[test]
fn what_is_no_signature_is_malformed_and_none_is_missing() {
    let (_, keys) = key();
    for text in ["", "garbage", "a\nb\nc\nd\n", &"x".repeat(10_000)] {
        assert_eq!(verify(&keys, "a", MODULE, None, text), Err(SignatureError::Malformed), "{text:.20}");
    }
    assert_eq!(keys.verify("a", MODULE, None, Some(&[0xff; 9])), Err(SignatureError::Malformed));
    assert_eq!(keys.verify("a", MODULE, None, None), Err(SignatureError::Missing));
}

#[test]
fn a_file_of_keys_with_anything_else_in_it_is_refused_by_its_line() {
    let (secret, _) = key();
    let public = minisign::PublicKey::from_secret_key(&secret).unwrap().to_box().unwrap().into_string();
    let error = PolicyKeys::parse(&format!("{public}nonsense\n"), FILE.as_ref()).unwrap_err();
    assert!(matches!(error, KeysError::Malformed { line: 3, .. }) && error.to_string().contains(FILE), "{error}");
    assert!(matches!(PolicyKeys::parse("# none\n", FILE.as_ref()), Err(KeysError::Empty { .. })));
}

#[test]
fn a_minisign_signature_with_our_statement_holds_whoever_made_it() {
    // What `minisign -S -t STATEMENT` would write: the format is not ours alone.
    let (secret, keys) = key();
    let statement = Statement::of("a", MODULE, None, 7).to_comment();
    let foreign = minisign::sign(None, &secret, MODULE, Some(&statement), Some("signature from minisign")).unwrap();
    assert_eq!(verify(&keys, "a", MODULE, None, &foreign.into_string()), Ok(()));
}
