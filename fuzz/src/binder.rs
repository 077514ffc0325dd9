use std::sync::LazyLock;

use openssl::ssl::{SslContext, SslSession, SslVersion};
use reprise::fuzzing::{hello_verifies, sign_hello};

use crate::watching::{Seen, watch, watching};

/// The session of the corpus, as its server has it: made with TLS_AES_256_GCM_SHA384, and good until 2038.
const SESSION: &[u8] = include_bytes!("binder.der");
const CIPHER_SUITE: u16 = 0x1302;

/// The session-id context that it was made under.
pub(crate) const CONTEXT: &[u8] = b"binder";

/// The binders of a ClientHello: whether one is right is what OpenSSL says of it, for the ClientHello as it is and with
/// the binder that is right.
pub fn binder(message: &[u8]) {
    let Some(message) = one(message) else { return };
    let Some((place, _)) = agrees(message, &SECRET) else { return };
    let mut signed = message.to_vec();
    if sign_hello(&[], &mut signed, place, CIPHER_SUITE, &SECRET) {
        assert_eq!(hello_verifies(&signed, place, CIPHER_SUITE, &SECRET), Some(true));
        agrees(&signed, &SECRET);
    }
}

/// The first handshake message in these bytes, if it is all there and no longer than what the host keeps.
fn one(bytes: &[u8]) -> Option<&[u8]> {
    const MOST: usize = 16 << 10;
    let [_, high, middle, low, ..] = *bytes else { return None };
    bytes.get(..4 + u32::from_be_bytes([0, high, middle, low]) as usize).filter(|message| message.len() <= MOST)
}

static SECRET: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let session = session();
    let mut secret = vec![0; session.master_key_len()];
    session.master_key(&mut secret);
    secret
});

fn session() -> SslSession {
    SslSession::from_der(SESSION).expect("it is one")
}

/// Holds the host's view against OpenSSL's; which identity OpenSSL has looked up, if it has, and what it says of its
/// binder.
fn agrees(message: &[u8], secret: &[u8]) -> Option<(usize, Option<bool>)> {
    static SERVER: LazyLock<SslContext> = LazyLock::new(resuming);
    let (stream, refused, Seen { hello, looked_up }) = watch(&SERVER, message);
    // What it looks up in TLS 1.2 is not offered with a binder.
    let looked_up = looked_up.into_iter().next().filter(|_| stream.ssl().version2() == Some(SslVersion::TLS1_3));
    let (hello, id) = (hello?, looked_up?);
    // It may be one of those that the host does not look at.
    let place = hello.identities.iter().position(|identity| *identity == id)?;
    let ours = hello_verifies(message, place, CIPHER_SUITE, secret);
    let errors = refused.ssl_error().map(openssl::error::ErrorStack::errors).unwrap_or_default();
    let theirs = if errors.iter().any(|error| error.reason() == Some("binder does not verify")) {
        Some(false)
    } else {
        stream.ssl().session_reused().then_some(true)
    };
    assert!(theirs.is_none() || ours == theirs, "OpenSSL says {theirs:?} of the binder, and the host {ours:?}");
    Some((place, theirs))
}

/// A server that has the session under every id.
fn resuming() -> SslContext {
    let mut context = watching(|| Some(session()));
    context.set_session_id_context(CONTEXT).expect("it is short");
    context.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_resumes_the_session_of_the_corpus() {
        let mut hello = include_bytes!("../corpus/binder/offered").to_vec();
        assert_eq!(agrees(&hello, &SECRET), Some((0, Some(true))));
        *hello.last_mut().expect("it has a binder") ^= 1;
        assert_eq!(agrees(&hello, &SECRET), Some((0, Some(false))));
    }
}
