//! OpenSSL's message callback (`SSL_CTX_set_msg_callback`), the one place where a ClientHello can be had as it was
//! sent: a PSK binder is over its bytes. It is called with each ClientHello before the client-hello hook is, and once:
//! a hook that is called again after it asked for a retry is not another ClientHello.
//!
//! It is set on the context, from which `SSL_new` copies it: on a connection it would come too late. A connection that
//! is switched to another context keeps it. OpenSSL has one, and no getter for it: one that an embedder sets takes the
//! place of this one, unseen.

use std::{
    ffi::{c_int, c_void},
    slice,
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;
use reprise_session::vital::guarded;

use super::ex_data;
use crate::{ffi, hello::transcript::Message};

/// `SSL2_VERSION`: a ClientHello in the format of SSL 2, which can begin a TLS 1.2 handshake and has no content type.
const SSL2: c_int = 2;

/// `SSL3_RT_HANDSHAKE`
const HANDSHAKE: c_int = 22;

/// What an embedder calls in a message callback of its own, set with `SSL_CTX_set_msg_callback` or
/// `SSL_set_msg_callback` over the host's, with what OpenSSL gives it: whether the message was sent (`write_p`), the
/// version, the content type, the message.
///
/// Without it the host sees no ClientHello as it was sent, and so cannot tell a session's owner from a stranger who saw
/// its id before it takes the session out of the store: in TLS 1.3, sessions for single use do not resume then, and
/// 0-RTT data is refused.
pub fn on_message(ssl: &SslRef, sent: bool, version: i32, content_type: i32, bytes: &[u8]) {
    let Some(message) = of_interest(sent, version, content_type, bytes) else { return };
    match message {
        Message::ClientHello(_) => {
            if let Some(connection) = ex_data::of_or_new(ssl) {
                connection.message(message);
            }
        }
        Message::ServerHello(_) => {
            // SAFETY: a live connection, used by this thread alone, for the duration of the call.
            if let Some(connection) = unsafe { ex_data::connection_ref(ssl.as_ptr()) } {
                connection.message(message);
            }
        }
    }
}

/// It is called with every message and the header of every record; few of them matter.
fn of_interest(sent: bool, version: c_int, content_type: c_int, bytes: &[u8]) -> Option<Message<'_>> {
    const CLIENT_HELLO: u8 = 1;
    const SERVER_HELLO: u8 = 2;
    match (sent, content_type, bytes) {
        (false, HANDSHAKE, [CLIENT_HELLO, ..]) => Some(Message::ClientHello(bytes)),
        (false, 0, _) if version == SSL2 => Some(Message::ClientHello(&[])),
        (true, HANDSHAKE, [SERVER_HELLO, ..]) => Some(Message::ServerHello(bytes)),
        _ => None,
    }
}

/// `SSL_CTX_set_msg_callback`: a message was read or sent.
pub(super) unsafe extern "C" fn message(
    sent: c_int,
    version: c_int,
    content_type: c_int,
    bytes: *const c_void,
    length: usize,
    ssl: *mut ffi::SSL,
    _: *mut c_void,
) {
    if bytes.is_null() {
        return;
    }
    // SAFETY: OpenSSL passes `length` bytes, for the duration of the call.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), length) };
    let sent = sent != 0;
    if of_interest(sent, version, content_type, bytes).is_some() {
        // SAFETY: OpenSSL passes a live connection, used by this thread alone.
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        guarded("message", (), || on_message(ssl, sent, version, content_type, bytes));
    }
}
