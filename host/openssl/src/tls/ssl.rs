//! Safe access to what rust-openssl does not offer on an `SSL`.
//!
//! Each function takes the `SslRef` that a callback was given, or that an embedder passed: one connection, used by one thread
//! at a time.

use std::{
    ffi::{c_int, c_uint},
    ptr, slice,
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;

use super::sessions;
use crate::{
    facts::{Able, EarlyData, EnabledSuites, LeftAlone, Outcome, Suites, TLS13},
    ffi,
};

/// No tickets: both versions stateful, so that all three callbacks serve both. No anti-replay of OpenSSL's: beside NO_INTERNAL
/// it refuses every resumption with early data; the store's consuming fetch does its work. No renegotiation: a second
/// handshake on a connection would have facts of its own.
pub const OPTIONS: u64 = ffi::SSL_OP_NO_TICKET | ffi::SSL_OP_NO_ANTI_REPLAY | ffi::SSL_OP_NO_RENEGOTIATION;

/// The same on a connection of a program that knows nothing of us: what it renegotiates is its own, and 0-RTT data is refused.
pub fn set_options_of_guest(ssl: &SslRef) {
    // SAFETY: a live connection, used by this thread alone.
    unsafe {
        ffi::SSL_set_options(ssl.as_ptr(), ffi::SSL_OP_NO_TICKET | ffi::SSL_OP_NO_ANTI_REPLAY);
        ffi::SSL_set_max_early_data(ssl.as_ptr(), 0);
    }
}

/// Sets the id generator of this connection alone (`SSL_set_generate_session_id`).
pub fn set_id_generator(ssl: &SslRef, generator: unsafe extern "C" fn(*const ffi::SSL, *mut u8, *mut c_uint) -> c_int) {
    // SAFETY: a live connection, used by this thread alone; the generator lives as long as the program.
    unsafe { ffi::SSL_set_generate_session_id(ssl.as_ptr(), Some(generator)) };
}

/// Has the connection write to nowhere from now on, which ends its handshake: for where OpenSSL asks nobody any more whether it goes
/// on. What it wrote to is given back, and kept for as long as there is the connection, whose program may refer to it.
pub fn cut(ssl: &SslRef) -> Option<Cut> {
    // SAFETY: a live connection, used by this thread alone. A BIO over no bytes can be read, and answers writing with an error. The
    // connection takes it over, and gives up its reference to the one before, of which another was taken.
    unsafe {
        let (before, nowhere) = (ffi::SSL_get_wbio(ssl.as_ptr()), ffi::BIO_new_mem_buf(c"".as_ptr().cast(), 0));
        if nowhere.is_null() {
            return None;
        }
        let kept = (!before.is_null() && ffi::BIO_up_ref(before) == 1).then_some(Cut(before));
        ffi::SSL_set0_wbio(ssl.as_ptr(), nowhere);
        kept
    }
}

/// What a connection wrote to.
pub struct Cut(*mut ffi::BIO);

// SAFETY: it is not used, only freed, which counts a reference down as any thread may.
unsafe impl Send for Cut {}

impl Drop for Cut {
    fn drop(&mut self) {
        // SAFETY: the reference that `cut` took.
        unsafe { ffi::BIO_free_all(self.0) };
    }
}

/// What a connection speaks where that is not TLS, as a reason to leave it alone. An `SSL` of QUIC
/// (OpenSSL 3.2 and later) is locked while its handshake runs: most that would be asked of it or
/// set on it there waits for ever.
pub fn other_protocol(ssl: &SslRef) -> Option<LeftAlone> {
    /// `TLS1_VERSION_MAJOR`
    const TLS: c_int = 3;
    // SAFETY: a live connection, read only. Neither takes a lock.
    let (dtls, version) = unsafe { (ffi::SSL_is_dtls(ssl.as_ptr()) == 1, ffi::SSL_version(ssl.as_ptr())) };
    // Of QUIC it is QUIC's own: `OSSL_QUIC1_VERSION`.
    if dtls { Some(LeftAlone::Dtls) } else { (version >> 8 != TLS).then_some(LeftAlone::Quic) }
}

/// The address of the context that the connection has now, to tell a switch by.
pub fn context(ssl: &SslRef) -> usize {
    // SAFETY: a live connection.
    unsafe { ffi::SSL_get_SSL_CTX(ssl.as_ptr()) as usize }
}

/// `SSL_session_reused`: a session offered was taken.
pub fn resumed(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_session_reused(ssl.as_ptr()) == 1 }
}

/// `SSL_version`: the protocol version in use, as a wire number; settled before OpenSSL looks for a session.
pub fn version(ssl: &SslRef) -> i32 {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_version(ssl.as_ptr()) }
}

/// Whether this connection takes part in TLS 1.3, by its method, its bounds and its options. For the client-hello callback: before
/// a version was chosen, `SSL_version` is the newest that the method knows.
pub fn enables_tls13(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, read only. A bound of 0 is none.
    unsafe {
        let ssl = ssl.as_ptr();
        let newest = ffi::SSL_get_max_proto_version(ssl);
        ffi::SSL_version(ssl) >= ffi::TLS1_3_VERSION
            && (newest == 0 || newest >= ffi::TLS1_3_VERSION)
            && ffi::SSL_get_options(ssl) & ffi::SSL_OP_NO_TLSv1_3 == 0
    }
}

/// What the connection is able to.
pub fn able(ssl: &SslRef) -> Able<'_> {
    Able {
        ciphers: Suites::Of(ssl),
        extended_master_secret: extended_master_secret_enabled(ssl),
        early_data: early_data_enabled(ssl),
    }
}

/// `SSL_get_verify_mode`
pub fn verify_mode(ssl: &SslRef) -> i32 {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_get_verify_mode(ssl.as_ptr()) }
}

/// Whether OpenSSL takes part in extended master secrets here (RFC 7627).
pub fn extended_master_secret_enabled(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_get_options(ssl.as_ptr()) & ffi::SSL_OP_NO_EXTENDED_MASTER_SECRET == 0 }
}

/// Whether the connection would accept 0-RTT data (`SSL_get_max_early_data`).
pub fn early_data_enabled(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_get_max_early_data(ssl.as_ptr()) > 0 }
}

/// Has the connection skip 0-RTT data (`SSL_set_max_early_data`), and gives the bound that it had. A session that allows none does not
/// do it: OpenSSL accepts the data by the connection's bound, finds more than the session's, and ends the handshake.
pub fn refuse_early_data(ssl: &SslRef) -> u32 {
    // SAFETY: a live connection, used by this thread alone.
    unsafe {
        let bound = ffi::SSL_get_max_early_data(ssl.as_ptr());
        ffi::SSL_set_max_early_data(ssl.as_ptr(), 0);
        bound
    }
}

/// Sets the bound of 0-RTT data that the tickets of this connection will have (`SSL_set_max_early_data`), where OpenSSL has decided
/// about its own.
pub fn allow_early_data(ssl: &SslRef, bound: u32) {
    // SAFETY: a live connection, used by this thread alone.
    unsafe { ffi::SSL_set_max_early_data(ssl.as_ptr(), bound) };
}

/// How the connection's handshake went, as far as it did.
pub fn outcome(ssl: &SslRef) -> Outcome {
    let (version, resumed) = (version(ssl), resumed(ssl));
    Outcome { version, resumed, sessions: sessions(ssl, version, resumed), early_data: early_data(ssl) }
}

/// How many sessions a handshake makes: TLS 1.2 one in full and none that resumes; TLS 1.3 one for each ticket, and one where it
/// resumes.
pub fn sessions(ssl: &SslRef, version: i32, resumed: bool) -> usize {
    match (version == TLS13, resumed) {
        (true, true) => tickets(ssl).min(1),
        (true, false) => tickets(ssl),
        (false, resumed) => usize::from(!resumed),
    }
}

/// What became of 0-RTT data on the connection (`SSL_get_early_data_status`).
fn early_data(ssl: &SslRef) -> EarlyData {
    // SAFETY: a live connection, read only.
    match unsafe { ffi::SSL_get_early_data_status(ssl.as_ptr()) } {
        ffi::SSL_EARLY_DATA_ACCEPTED => EarlyData::Accepted,
        ffi::SSL_EARLY_DATA_REJECTED => EarlyData::Rejected,
        _ => EarlyData::NotOffered,
    }
}

/// How many TLS 1.3 tickets a full handshake here gives (`SSL_get_num_tickets`).
pub fn tickets(ssl: &SslRef) -> usize {
    // SAFETY: a live connection, read only.
    unsafe { ffi::SSL_get_num_tickets(ssl.as_ptr()) }
}

impl EnabledSuites for SslRef {
    fn any(&self, visit: &mut dyn FnMut(u16) -> bool) -> bool {
        // SAFETY: a live connection, which owns the stack for now; its elements are static ciphers.
        unsafe {
            let ciphers = ffi::SSL_get_ciphers(self.as_ptr());
            if ciphers.is_null() {
                return false;
            }
            let stack = ciphers.cast::<ffi::OPENSSL_STACK>();
            (0..ffi::OPENSSL_sk_num(stack)).any(|i| {
                let cipher = ffi::OPENSSL_sk_value(stack, i).cast::<ffi::SSL_CIPHER>();
                !cipher.is_null() && visit(ffi::SSL_CIPHER_get_protocol_id(cipher))
            })
        }
    }
}

/// Sets the session-id context of this connection alone (`SSL_set_session_id_context`), which OpenSSL compares with that of
/// every session offered.
pub fn set_session_id_context(ssl: &SslRef, context: &[u8; 32]) -> bool {
    // SAFETY: a live connection; the bytes are copied, and 32 are allowed.
    unsafe { ffi::SSL_set_session_id_context(ssl.as_ptr(), context.as_ptr(), context.len() as c_uint) == 1 }
}

/// Has no TLS 1.3 ticket sent for the session that the connection has now, or, where OpenSSL cannot leave it out, one
/// that the client is to discard at once (RFC 8446 section 4.6.1: a lifetime of 0). For the generate callback only:
/// there the session is nobody else's.
///
/// OpenSSL leaves a ticket out where it would be a stateless one and our ticket-key callback has no key for it; that
/// callback puts the option back.
pub fn withhold_ticket(ssl: &SslRef) {
    // Releases of 3.0 before this one write an empty ticket instead, which no client understands (openssl #19249).
    const LEAVES_TICKETS_OUT: i64 = 0x3000_0080;
    // A stateless ticket for a larger session ends the handshake.
    const LARGEST: usize = 0xff00;
    let Some(session) = ssl.session() else { return };
    // Not 0: OpenSSL decodes what it encodes for a stateless ticket, and ends the handshake where that comes out
    // longer.
    sessions::set_timeout(session, 1);
    if openssl::version::number() >= LEAVES_TICKETS_OUT && (1..=LARGEST).contains(&sessions::encoded_length(session)) {
        // SAFETY: a live connection, used by this thread alone.
        unsafe { ffi::SSL_clear_options(ssl.as_ptr(), ffi::SSL_OP_NO_TICKET) };
    } else {
        sessions::set_timeout(session, 0);
    }
}

/// Has tickets be session ids again, should one have gone out that [`withhold_ticket`] was to leave out.
pub fn make_stateful(ssl: &SslRef) {
    // SAFETY: a live connection, used by this thread alone.
    unsafe { ffi::SSL_set_options(ssl.as_ptr(), ffi::SSL_OP_NO_TICKET) };
}

/// Whether the ClientHello answers a HelloRetryRequest: in its first handshake, the connection has chosen a cipher suite, which for
/// any other ClientHello comes after the client-hello callback.
pub fn retry_requested(ssl: &SslRef) -> bool {
    let mut finished = [0_u8; 1];
    // SAFETY: a live connection, read only; there is room for the byte that is asked for.
    unsafe {
        !ffi::SSL_get_pending_cipher(ssl.as_ptr()).is_null()
            && ffi::SSL_get_finished(ssl.as_ptr(), finished.as_mut_ptr().cast(), finished.len()) == 0
    }
}

/// The random of the ClientHello. For the client-hello callback only, like all `hello_` functions.
pub fn hello_random(ssl: &SslRef) -> &[u8] {
    // SAFETY: inside the client-hello callback the bytes live as long as the hello.
    unsafe { bytes(|out| ffi::SSL_client_hello_get0_random(ssl.as_ptr(), out)) }
}

/// The `legacy_session_id` of the ClientHello.
pub fn hello_session_id(ssl: &SslRef) -> &[u8] {
    // SAFETY: as for `hello_random`.
    unsafe { bytes(|out| ffi::SSL_client_hello_get0_session_id(ssl.as_ptr(), out)) }
}

/// The cipher suites of the ClientHello, two bytes each.
pub fn hello_ciphers(ssl: &SslRef) -> &[u8] {
    // SAFETY: as for `hello_random`.
    unsafe { bytes(|out| ffi::SSL_client_hello_get0_ciphers(ssl.as_ptr(), out)) }
}

/// The content of an extension of the ClientHello, if it is there.
pub fn hello_extension(ssl: &SslRef, kind: u16) -> Option<&[u8]> {
    let (mut content, mut length) = (ptr::null(), 0);
    // SAFETY: as for `hello_random`; an empty extension may have a null pointer.
    unsafe {
        let found = ffi::SSL_client_hello_get0_ext(ssl.as_ptr(), c_uint::from(kind), &mut content, &mut length);
        (found == 1).then(|| if length == 0 { &[][..] } else { slice::from_raw_parts(content, length) })
    }
}

/// SAFETY: `read` must set its argument to as many bytes as it returns, alive for `'a`.
unsafe fn bytes<'a>(read: impl FnOnce(*mut *const u8) -> usize) -> &'a [u8] {
    let mut content = ptr::null();
    let length = read(&mut content);
    if content.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: by this function's contract.
    unsafe { slice::from_raw_parts(content, length) }
}

/// Applies to the connection what `SSL_set_SSL_CTX` leaves behind when the context is switched: verify mode, callback and
/// parameters, options, protocol bounds, tickets, early data. Options that were set on the connection itself stay.
/// `from_options` are the options of the context it had before. False if OpenSSL refused one of the settings.
pub fn follow_switch(ssl: &SslRef, from_options: u64) -> bool {
    let ssl = ssl.as_ptr();
    // SAFETY: a live connection and its context, which it keeps alive. The verify parameters are copied.
    unsafe {
        let to = ffi::SSL_get_SSL_CTX(ssl);
        ffi::SSL_set_verify(ssl, ffi::SSL_CTX_get_verify_mode(to), ffi::SSL_CTX_get_verify_callback(to));
        let to_options = ffi::SSL_CTX_get_options(to);
        // Not those that every session here depends on: the host may not be installed on the context switched to.
        ffi::SSL_clear_options(ssl, from_options & !to_options & !OPTIONS);
        ffi::SSL_set_options(ssl, to_options);
        let results: [c_int; 6] = [
            ffi::SSL_set1_param(ssl, ffi::SSL_CTX_get0_param(to)),
            ffi::SSL_set_min_proto_version(ssl, ffi::SSL_CTX_get_min_proto_version(to)),
            ffi::SSL_set_max_proto_version(ssl, ffi::SSL_CTX_get_max_proto_version(to)),
            ffi::SSL_set_num_tickets(ssl, ffi::SSL_CTX_get_num_tickets(to)),
            ffi::SSL_set_max_early_data(ssl, ffi::SSL_CTX_get_max_early_data(to)),
            ffi::SSL_set_recv_max_early_data(ssl, ffi::SSL_CTX_get_recv_max_early_data(to)),
        ];
        results.iter().all(|&result| result == 1)
    }
}

/// `SSL_CTX_get_options` of the context that the connection has now.
pub fn context_options(ssl: &SslRef) -> u64 {
    // SAFETY: a live connection and its context.
    unsafe { ffi::SSL_CTX_get_options(ffi::SSL_get_SSL_CTX(ssl.as_ptr())) }
}
