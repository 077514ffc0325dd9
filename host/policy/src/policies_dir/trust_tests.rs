//! Who may drop a policy: signatures and owners, on a real directory with the sandbox behind it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use minisign::{KeyPair, SecretKey};
use reprise_fixtures::policies;

use super::{sandboxed_tests::Served, *};
use crate::signing::{PolicyKeys, sign::sign};

fn signed() -> (SecretKey, DirOptions) {
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().unwrap();
    let keys = PolicyKeys::parse(&pk.to_box().unwrap().into_string(), Path::new("keys")).unwrap();
    (sk, DirOptions { keys: Some(keys), ..DirOptions::default() })
}

fn strict() -> DirOptions {
    DirOptions { strict: true, ..DirOptions::default() }
}

/// A file's signature with these settings beside it, made somewhere else.
fn signature(file: &str, module: &[u8], toml: Option<&str>, key: &SecretKey) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    fs::write(&path, module).unwrap();
    if let Some(toml) = toml {
        fs::write(path.with_extension("toml"), toml).unwrap();
    }
    fs::read(sign(&path, key).unwrap()).unwrap()
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn only_what_is_signed_is_in_force_at_the_start() {
    let (key, options) = signed();
    let (calm, lying) = (policies::no_opinion(), policies::lying());
    let served = Served::start_with(
        &[
            ("10-calm.wasm", &calm),
            ("10-calm.wasm.sig", &signature("calm.wasm", &calm, None, &key)),
            ("20-lying.wasm", &lying),
        ],
        options,
    );
    assert_eq!(served.chain(), [("calm".to_string(), 1)], "its number is not part of what is signed");
    assert_eq!(served.not_loaded(), ["lying"], "what is not signed objects until it is");
}

#[test]
fn a_signature_that_comes_after_its_module_puts_it_in_force() {
    let (key, options) = signed();
    let calm = policies::no_opinion();
    let served = Served::start_with(&[], options);
    served.drop_in("calm.wasm", &calm);
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("calm.wasm.sig (signature)") && reason.contains("no signature"), "{reason}");
    assert_eq!(keeping, None);
    served.drop_in("calm.wasm.sig", &signature("calm.wasm", &calm, None, &key));
    assert_eq!(served.live(), 1);
}

#[test]
fn a_changed_module_waits_for_its_own_signature_and_the_live_one_stays_meanwhile() {
    let (key, options) = signed();
    let (calm, lying) = (policies::no_opinion(), policies::lying());
    let first = signature("a.wasm", &calm, None, &key);
    let served = Served::start_with(&[("a.wasm", &calm), ("a.wasm.sig", &first)], options);
    served.drop_in("a.wasm", &lying);
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("a signature older than the module"), "{reason}");
    assert_eq!(keeping, Some(1));
    served.drop_in("a.wasm.sig", &signature("a.wasm", &lying, None, &key));
    assert_eq!(served.live(), 2);

    // The other order: the signature first.
    served.drop_in("a.wasm.sig", &first);
    assert!(served.rejected().0.contains("older than the module"));
    served.drop_in("a.wasm", &calm);
    assert_eq!(served.live(), 3);
}

#[test]
fn settings_that_were_not_signed_do_not_count() {
    let (key, options) = signed();
    let (calm, abstain) = (policies::no_opinion(), "on-failure = \"abstain\"\n");
    let plain = signature("a.wasm", &calm, None, &key);
    let served = Served::start_with(&[("a.wasm", &calm), ("a.wasm.sig", &plain)], options);
    served.drop_in("a.toml", abstain.as_bytes());
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("other settings"), "{reason}");
    assert_eq!(keeping, Some(1));
    served.drop_in("a.wasm.sig", &signature("a.wasm", &calm, Some(abstain), &key));
    assert_eq!(served.live(), 2);
    fs::remove_file(served.path.join("a.toml")).unwrap();
    assert!(served.rejected().0.contains("other settings"), "settings that are taken away");
}

#[test]
fn a_signature_by_a_stranger_or_under_another_name_or_taken_away_rejects_and_keeps() {
    let ((key, options), (stranger, _)) = (signed(), signed());
    let calm = policies::no_opinion();
    let good = signature("a.wasm", &calm, None, &key);
    let served = Served::start_with(&[("a.wasm", &calm), ("a.wasm.sig", &good)], options);
    for (bad, words) in [
        (signature("a.wasm", &calm, None, &stranger), "unknown key"),
        (signature("b.wasm", &calm, None, &key), "made for the policy `b`"),
        (b"nonsense".to_vec(), "no prehashed minisign signature"),
        (vec![b'x'; 100_000], "larger than"),
    ] {
        served.drop_in("a.wasm.sig", &bad);
        let (reason, keeping) = served.rejected();
        assert!(reason.contains(words), "{reason}");
        assert_eq!(keeping, Some(1));
    }
    fs::remove_file(served.path.join("a.wasm.sig")).unwrap();
    assert!(served.rejected().0.contains("no signature"));
    assert_eq!(served.chain(), [("a".to_string(), 1)], "what is live stays live");
}

#[test]
fn without_keys_a_signature_means_nothing() {
    let served =
        Served::start_with(&[("a.wasm", &policies::no_opinion()), ("a.wasm.sig", b"nonsense")], DirOptions::default());
    assert_eq!(served.chain(), [("a".to_string(), 1)]);
}

#[test]
fn a_strict_host_does_not_start_on_a_directory_that_others_may_write() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), 0o770);
    let start = |options| {
        let runtime = Runtime::new(crate::policy::RuntimeOptions::default()).unwrap();
        PoliciesDir::start(dir.path(), runtime, Arc::new(ArcSwap::from_pointee(Chain::default())), options)
    };
    let refused = start(strict()).unwrap_err().to_string();
    assert!(refused.contains("its group") && refused.contains("chmod go-w"), "{refused}");
    start(DirOptions::default()).expect("without --strict it is a warning");
}

#[test]
fn a_strict_host_takes_nothing_new_while_others_may_write_the_directory() {
    let served = Served::start_with(&[("a.wasm", &policies::no_opinion())], strict());
    set(&served.path, 0o777);
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("everyone"), "{reason}");
    assert_eq!(keeping, Some(1), "what is live stays live");
    served.drop_in("b.wasm", &policies::no_opinion());
    assert!(served.rejected().0.contains("everyone"));
    set(&served.path, 0o755);
    assert_eq!(served.live(), 1, "b goes live once the directory is fixed");
    assert_eq!(served.chain(), [("a".to_string(), 1), ("b".to_string(), 1)]);
}

#[test]
fn a_strict_host_rejects_a_file_that_others_may_write_until_it_is_mended() {
    for file in ["a.wasm", "a.toml"] {
        let served = Served::start_with(&[("a.toml", b"")], strict());
        set(&served.path.join("a.toml"), if file == "a.toml" { 0o666 } else { 0o644 });
        served.drop_in("x", &policies::no_opinion());
        set(&served.path.join("x"), if file == "a.wasm" { 0o664 } else { 0o644 });
        fs::rename(served.path.join("x"), served.path.join("a.wasm")).unwrap();
        let (reason, _) = served.rejected();
        assert!(reason.contains(file), "{reason}");
        set(&served.path.join(file), 0o644);
        assert_eq!(served.live(), 1, "the content is the same, its owner alone may write it now");
    }
}
