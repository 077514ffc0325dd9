//! Making keys and signatures.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, ensure};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use reprise_session::{reading, replace::replace};
use zeroize::Zeroizing;

use super::Statement;
use crate::names::{MAX_MODULE_SIZE, policy_name, signature_file};

/// The largest key to sign with that is read.
const MOST_KEY: u64 = 64 << 10;

/// Makes a key: the secret half in `file`, readable by its owner only, the public half in `FILE.pub`. With a `password` the
/// secret half is encrypted; with none minisign asks for one, unless `unprotected`.
pub fn new_key(file: &Path, unprotected: bool) -> Result<PathBuf> {
    let public_file = with_suffix(file, ".pub");
    for there in [file, &public_file] {
        ensure!(
            !there.exists(),
            "{} is there already: a key is never overwritten; choose another name",
            there.display()
        );
    }
    let made =
        if unprotected { KeyPair::generate_unencrypted_keypair() } else { KeyPair::generate_encrypted_keypair(None) };
    let KeyPair { pk, sk } = made.context("no key could be made")?;
    let secret = Zeroizing::new(sk.to_box(Some("secret key for Reprise policies"))?.into_string());
    write_new(file, secret.as_bytes(), 0o600)?;
    write_new(&public_file, pk.to_box()?.into_string().as_bytes(), 0o644)?;
    Ok(public_file)
}

/// The secret key in `file`; minisign asks for its password if it has one.
pub fn secret_key(file: &Path) -> Result<SecretKey> {
    let text = reading::read_text_once(file, MOST_KEY).context("the key to sign with")?;
    let boxed = || SecretKeyBox::from_string(&text);
    // Whether it is encrypted shows in the trying.
    boxed()?.into_unencrypted_secret_key().or_else(|plain| {
        let decrypted = boxed()?.into_secret_key(None);
        decrypted.map_err(|error| {
            let file = file.display();
            // What is no key at all is none in both ways.
            let (plain, error) = (plain.to_string(), error.to_string());
            let why = if plain == error { plain } else { format!("{plain}; {error}") };
            anyhow!("{file} is no secret key to sign with ({why}): make one with `reprise sign --new-key NAME`")
        })
    })
}

/// Signs the module in `file` as it lies there, with the `.toml` beside it. The signature's file.
pub fn sign(file: &Path, key: &SecretKey) -> Result<PathBuf> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name
        .filter(|name| name.ends_with(".wasm"))
        .with_context(|| format!("{}: expected a policy's module, NAME.wasm", file.display()))?;
    ensure!(!name.contains(|c: char| c.is_control()), "{name:?} has control characters in it: rename it");
    let most = MAX_MODULE_SIZE;
    let module = reading::read(file, most)?.bytes;
    let manifest = match reading::read(&file.with_extension("toml"), most) {
        Ok(manifest) => Some(manifest.bytes),
        Err(unread) if unread.is_missing() => None,
        Err(unread) => return Err(unread.into()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
    let statement = Statement::of(policy_name(name), &module, manifest.as_ref().map(|bytes| bytes.as_slice()), now);
    let signature = minisign::sign(
        None,
        key,
        module.as_slice(),
        Some(&statement.to_comment()),
        Some("signature of a Reprise policy"),
    )?;
    let written = signature_file(file);
    replace(&written, signature.into_string().as_bytes(), 0o666)
        .with_context(|| format!("{} cannot be written", written.display()))?;
    Ok(written)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write_new(file: &Path, content: &[u8], mode: u32) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    written
        .and_then(|mut file| file.write_all(content))
        .with_context(|| format!("{} cannot be written", file.display()))
}
