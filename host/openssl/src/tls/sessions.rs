//! Safe access to what rust-openssl does not offer on an `SSL_SESSION`.

use std::{ffi::c_long, ptr, slice};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::{
    error::ErrorStack,
    ssl::{SslSession, SslSessionRef},
    x509::X509,
};

use reprise_session::session::SessionId;
use zeroize::Zeroizing;

use crate::ffi;

/// The session that is encoded as `der` (`d2i_SSL_SESSION`); none, and a line in the log, if OpenSSL does not take it.
pub fn decode(id: &SessionId, der: &[u8]) -> Option<SslSession> {
    SslSession::from_der(der)
        .inspect_err(|error| tracing::warn!(session = %id, %error, "OpenSSL does not take a stored session"))
        .ok()
}

/// Its protocol version as a wire number, e.g. 0x0304 (`SSL_SESSION_get_protocol_version`).
pub fn version(session: &SslSessionRef) -> i32 {
    // SAFETY: a live session, read only.
    unsafe { ffi::SSL_SESSION_get_protocol_version(session.as_ptr()) }
}

/// Its cipher suite's IANA number (`SSL_SESSION_get0_cipher`); none before one was negotiated.
pub fn cipher_suite(session: &SslSessionRef) -> Option<u16> {
    // SAFETY: a live session; the cipher is static.
    unsafe {
        let cipher = ffi::SSL_SESSION_get0_cipher(session.as_ptr());
        (!cipher.is_null()).then(|| ffi::SSL_CIPHER_get_protocol_id(cipher))
    }
}

/// When it was made, in seconds since the Unix epoch by OpenSSL's clock (`SSL_SESSION_get_time`).
pub fn time(session: &SslSessionRef) -> i64 {
    // SAFETY: a live session, read only.
    let time = unsafe { ffi::SSL_SESSION_get_time(session.as_ptr()) };
    #[allow(clippy::useless_conversion)] // c_long is 32 bits on some platforms
    time.into()
}

/// Sets its timeout, counted from its time (`SSL_SESSION_set_timeout`). For a session that no cache and no other thread has.
pub fn set_timeout(session: &SslSessionRef, seconds: i64) {
    let seconds = c_long::try_from(seconds).unwrap_or(c_long::MAX);
    // SAFETY: a live session that only this thread uses; the call takes the session's own lock where it has one.
    unsafe { ffi::SSL_SESSION_set_timeout(session.as_ptr(), seconds) };
}

/// The length of its encoding in bytes (`i2d_SSL_SESSION`); 0 if OpenSSL cannot encode it.
pub fn encoded_length(session: &SslSessionRef) -> usize {
    // SAFETY: a live session, read only; a null pointer asks for the length.
    usize::try_from(unsafe { ffi::i2d_SSL_SESSION(session.as_ptr(), ptr::null_mut()) }).unwrap_or(0)
}

/// Its secret (`SSL_SESSION_get_master_key`): in TLS 1.2 the master secret, in TLS 1.3 the PSK, which OpenSSL has derived from the
/// resumption secret and the ticket's nonce by then (RFC 8446 section 4.6.1).
pub fn secret(session: &SslSessionRef) -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(vec![0; session.master_key_len()]);
    session.master_key(&mut secret);
    secret
}

/// Gives it another secret, at random: nobody can resume it.
pub fn spoil(session: &SslSessionRef) -> Result<(), ErrorStack> {
    let mut random = vec![0; session.master_key_len()];
    openssl::rand::rand_bytes(&mut random)?;
    // SAFETY: a live session that only this thread uses; the bytes are copied, as many as it had.
    let set = unsafe { ffi::SSL_SESSION_set1_master_key(session.as_ptr(), random.as_ptr(), random.len()) };
    if set == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// The client's leaf certificate in it (`SSL_SESSION_get0_peer`).
pub fn peer_certificate(session: &SslSessionRef) -> Option<X509> {
    // SAFETY: a live session; the certificate is shared by counting a reference up.
    unsafe {
        let certificate = ffi::SSL_SESSION_get0_peer(session.as_ptr());
        if certificate.is_null() {
            return None;
        }
        ffi::X509_up_ref(certificate);
        Some(X509::from_ptr(certificate))
    }
}

/// The protocol that ALPN selected, as TLS 1.3 keeps it in the session (`SSL_SESSION_get0_alpn_selected`).
pub fn alpn(session: &SslSessionRef) -> Option<&[u8]> {
    let (mut bytes, mut length) = (ptr::null(), 0);
    // SAFETY: a live session; the bytes live as long as it does.
    unsafe {
        ffi::SSL_SESSION_get0_alpn_selected(session.as_ptr(), &mut bytes, &mut length);
        (!bytes.is_null() && length > 0).then(|| slice::from_raw_parts(bytes, length))
    }
}

/// A private duplicate (`SSL_SESSION_dup`); none if OpenSSL is out of memory.
pub fn duplicate(session: &SslSessionRef) -> Option<SslSession> {
    // SAFETY: a live session, read only; a result that is not null is owned by the caller.
    unsafe {
        let duplicate = ffi::SSL_SESSION_dup(session.as_ptr());
        (!duplicate.is_null()).then(|| SslSession::from_ptr(duplicate))
    }
}
