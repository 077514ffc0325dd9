//! Making keys and signatures.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use minisign::{KeyPair, SecretKey, SecretKeyBox};
use reprise_session::{reading, replace::replace};
use zeroize::Zeroizing;

use super::Statement;
pub use super::sign_error::SignError;
use crate::names::{MAX_MODULE_SIZE, policy_name, signature_file};

/// The largest key to sign with that is read.
const MOST_KEY: u64 = 64 << 10;

/// Makes a key: the secret half in `file`, readable by its owner only, the public half in `FILE.pub`. With a `password` the
/// secret half is encrypted; with none minisign asks for one, unless `unprotected`.
///
/// # Errors
/// A key is there already, or none can be made or written.
pub fn new_key(file: &Path, unprotected: bool) -> Result<PathBuf, SignError> {
    let public_file = with_suffix(file, ".pub");
    if let Some(there) = [file, &public_file].into_iter().find(|file| file.exists()) {
        return Err(SignError::KeyIsThere(there.to_owned()));
    }
    let made =
        if unprotected { KeyPair::generate_unencrypted_keypair() } else { KeyPair::generate_encrypted_keypair(None) };
    let KeyPair { pk, sk } = made.map_err(SignError::NoKey)?;
    let secret = Zeroizing::new(sk.to_box(Some("secret key for Reprise policies"))?.into_string());
    write_new(file, secret.as_bytes(), 0o600)?;
    write_new(&public_file, pk.to_box()?.into_string().as_bytes(), 0o644)?;
    Ok(public_file)
}

/// The secret key in `file`; minisign asks for its password if it has one.
///
/// # Errors
/// The file cannot be read, or is no secret key.
pub fn secret_key(file: &Path) -> Result<SecretKey, SignError> {
    let text = reading::read_text_once(file, MOST_KEY).map_err(SignError::UnreadKey)?;
    let boxed = || SecretKeyBox::from_string(&text);
    // Whether it is encrypted shows in the trying.
    boxed()?.into_unencrypted_secret_key().or_else(|plain| {
        let decrypted = boxed()?.into_secret_key(None);
        decrypted.map_err(|decrypted| SignError::NotAKey { file: file.to_owned(), plain, decrypted })
    })
}

/// Signs the module in `file` as it lies there, with the `.toml` beside it. The signature's file.
///
/// # Errors
/// It is called otherwise than a policy is, or a file cannot be read or written.
pub fn sign(file: &Path, key: &SecretKey) -> Result<PathBuf, SignError> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.filter(|name| name.ends_with(".wasm")).ok_or_else(|| SignError::NotAModule(file.to_owned()))?;
    if name.contains(|c: char| c.is_control()) {
        return Err(SignError::ControlCharacters(name.to_owned()));
    }
    let most = MAX_MODULE_SIZE;
    let module = reading::read(file, most)?.bytes;
    let manifest = match reading::read(&file.with_extension("toml"), most) {
        Ok(manifest) => Some(manifest.bytes),
        Err(unread) if unread.is_missing() => None,
        Err(unread) => return Err(unread.into()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(SignError::Clock)?.as_secs();
    let statement = Statement::of(policy_name(name), &module, manifest.as_ref().map(|bytes| bytes.as_slice()), now);
    let signature = minisign::sign(
        None,
        key,
        module.as_slice(),
        Some(&statement.to_comment()),
        Some("signature of a Reprise policy"),
    )?;
    let written = signature_file(file);
    match replace(&written, signature.into_string().as_bytes(), 0o666) {
        Ok(()) => Ok(written),
        Err(source) => Err(SignError::Unwritten { file: written, source }),
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write_new(file: &Path, content: &[u8], mode: u32) -> Result<(), SignError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    written
        .and_then(|mut file| file.write_all(content))
        .map_err(|source| SignError::Unwritten { file: file.to_owned(), source })
}
