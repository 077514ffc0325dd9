//! What tests need of OpenSSL that the openssl crate does not offer.

use std::{
    ffi::{c_int, c_long, c_uchar, c_uint, c_void},
    os::{fd::AsRawFd, unix::net::UnixStream},
    ptr,
};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::ssl::{Ssl, SslContextBuilder, SslContextRef, SslRef, SslSession, SslSessionRef};
use openssl_sys::{SSL, SSL_CTX, SSL_SESSION};

/// `SSL_OP_NO_EXTENDED_MASTER_SECRET`
pub const NO_EXTENDED_MASTER_SECRET: u64 = 1;

/// `SSL_OP_NO_TICKET`
pub const NO_TICKET: u64 = 1 << 14;

type TicketKeys =
    extern "C" fn(*mut SSL, *mut c_uchar, *mut c_uchar, *mut openssl_sys::EVP_CIPHER_CTX, *mut c_void, c_int) -> c_int;

unsafe extern "C" {
    fn SSL_SESSION_set_time(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    fn SSL_set_verify(ssl: *mut SSL, mode: c_int, callback: *mut c_void);
    fn SSL_SESSION_get0_id_context(session: *const SSL_SESSION, length: *mut c_uint) -> *const c_uchar;
    fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> std::ffi::c_ulong;
    fn SSL_SESSION_set1_id(session: *mut SSL_SESSION, id: *const c_uchar, length: c_uint) -> c_int;
    fn SSL_verify_client_post_handshake(ssl: *mut SSL) -> c_int;
    fn SSL_CTX_set_post_handshake_auth(ctx: *mut SSL_CTX, on: c_int);
    fn SSL_CTX_callback_ctrl(ctx: *mut SSL_CTX, command: c_int, callback: Option<extern "C" fn()>) -> c_long;
    fn SSL_CTX_ctrl(ctx: *mut SSL_CTX, command: c_int, number: c_long, pointer: *mut c_void) -> c_long;
    fn SSL_set_fd(ssl: *mut SSL, fd: c_int) -> c_int;
    fn SSL_dup(ssl: *mut SSL) -> *mut SSL;
    fn SSL_renegotiate(ssl: *mut SSL) -> c_int;
    fn SSL_get_options(ssl: *const SSL) -> u64;
    fn SSL_CTX_set_allow_early_data_cb(ctx: *mut SSL_CTX, callback: AllowEarlyDataCallback, argument: *mut c_void);
    fn SSL_CTX_set_msg_callback(ctx: *mut SSL_CTX, callback: MessageCallback);
    fn SSL_clear_options(ssl: *mut SSL, options: u64) -> u64;
    fn SSL_clear(ssl: *mut SSL) -> c_int;
    fn SSL_get_num_tickets(ssl: *const SSL) -> usize;
    fn SSL_CTX_set_info_callback(ctx: *mut SSL_CTX, callback: InfoCallback);
    fn SSL_set_info_callback(ssl: *mut SSL, callback: InfoCallback);
    fn SSL_new_session_ticket(ssl: *mut SSL) -> c_int;
    fn SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx: *mut SSL_CTX, callback: TicketKeys) -> c_int;
    fn EVP_MAC_CTX_set_params(mac: *mut c_void, parameters: *const Parameter) -> c_int;
}

/// What OpenSSL tells of a handshake's steps.
pub type InfoCallback = extern "C" fn(*const SSL, c_int, c_int);

type AllowEarlyDataCallback = extern "C" fn(*mut SSL, *mut c_void) -> c_int;

/// Has a context's connections accept 0-RTT data without asking the host.
pub fn allow_any_early_data(context: &SslContextRef) {
    extern "C" fn always(_: *mut SSL, _: *mut c_void) -> c_int {
        1
    }
    // SAFETY: a live context that nobody uses meanwhile; the callback is one, and lives as long as the program.
    unsafe { SSL_CTX_set_allow_early_data_cb(context.as_ptr(), always, ptr::null_mut()) }
}

/// What OpenSSL tells of a handshake's messages: whether it was sent, version, content type, the bytes, their length.
pub type MessageCallback = extern "C" fn(c_int, c_int, c_int, *const c_void, usize, *mut SSL, *mut c_void);

/// Has a context's connections tell of their messages.
pub fn set_message_callback(context: &mut SslContextBuilder, callback: MessageCallback) {
    // SAFETY: a live context that nobody else uses; the callback is one, and lives as long as the program.
    unsafe { SSL_CTX_set_msg_callback(context.as_ptr(), callback) }
}

/// A message callback of an embedder's that passes on to the host what it is given.
pub extern "C" fn passing_on(
    sent: c_int,
    version: c_int,
    content_type: c_int,
    bytes: *const c_void,
    length: usize,
    ssl: *mut SSL,
    _: *mut c_void,
) {
    // SAFETY: OpenSSL passes a live connection and `length` bytes, for the duration of the call.
    unsafe {
        let bytes = std::slice::from_raw_parts(bytes.cast(), length);
        reprise::on_message(SslRef::from_ptr(ssl), sent != 0, version, content_type, bytes);
    }
}

/// One that keeps it to itself.
pub extern "C" fn silent(_: c_int, _: c_int, _: c_int, _: *const c_void, _: usize, _: *mut SSL, _: *mut c_void) {}

/// Has a context's connections tell of their steps.
pub fn set_context_info_callback(context: &mut SslContextBuilder, callback: InfoCallback) {
    // SAFETY: a live context that nobody else uses; the callback is one, and lives as long as the program.
    unsafe { SSL_CTX_set_info_callback(context.as_ptr(), callback) }
}

/// Has a connection tell of its steps.
pub fn set_info_callback(ssl: &SslRef, callback: InfoCallback) {
    // SAFETY: a live connection, used by this thread alone; the callback is one, and lives as long as the program.
    unsafe { SSL_set_info_callback(ssl.as_ptr(), callback) }
}

/// Sets when a session was made: seconds since the Unix epoch.
pub fn set_time(session: &SslSessionRef, seconds: i64) {
    // SAFETY: a live session that only the test has.
    unsafe { SSL_SESSION_set_time(session.as_ptr(), seconds as c_long) };
}

/// Sets a session's timeout in seconds.
pub fn set_timeout(session: &SslSessionRef, seconds: i64) {
    // SAFETY: a live session that only the test has.
    unsafe { SSL_SESSION_set_timeout(session.as_ptr(), seconds as c_long) };
}

/// A session's id context.
pub fn id_context(session: &SslSessionRef) -> Vec<u8> {
    let mut length = 0;
    // SAFETY: a live session; the bytes are copied while it lives.
    unsafe {
        let context = SSL_SESSION_get0_id_context(session.as_ptr(), &mut length);
        std::slice::from_raw_parts(context, length as usize).to_vec()
    }
}

/// Seconds that the server said a ticket is good for.
pub fn ticket_lifetime(session: &SslSessionRef) -> u64 {
    // SAFETY: a live session, read only.
    unsafe { SSL_SESSION_get_ticket_lifetime_hint(session.as_ptr()) }
}

/// A copy of a session with another id.
pub fn with_id(session: &SslSessionRef, id: &[u8]) -> SslSession {
    let copy = SslSession::from_der(&session.to_der().unwrap()).unwrap();
    // SAFETY: a live session that only the test has; the bytes are copied.
    let set = unsafe { SSL_SESSION_set1_id(copy.as_ptr(), id.as_ptr(), id.len() as c_uint) };
    assert_eq!(set, 1);
    copy
}

/// Asks the client for a certificate after the handshake (RFC 8446 section 4.6.2).
pub fn verify_client_post_handshake(ssl: &SslRef) -> bool {
    const SSL_VERIFY_PEER: c_int = 1;
    // SAFETY: a live connection, used by this thread alone.
    unsafe {
        SSL_set_verify(ssl.as_ptr(), SSL_VERIFY_PEER, ptr::null_mut());
        SSL_verify_client_post_handshake(ssl.as_ptr()) == 1
    }
}

/// Makes a client willing to be asked for a certificate after the handshake.
pub fn allow_post_handshake_auth(context: &mut SslContextBuilder) {
    // SAFETY: a context under construction.
    unsafe { SSL_CTX_set_post_handshake_auth(context.as_ptr(), 1) };
}

/// Sets options that the openssl crate does not name.
pub fn set_options(context: &mut SslContextBuilder, options: u64) {
    // SAFETY: a context under construction.
    unsafe { openssl_sys::SSL_CTX_set_options(context.as_ptr(), options) };
}

/// A connection made by C: `SSL_new`, without what the openssl crate hangs on its own.
pub fn made_by_c(context: &SslContextRef) -> Ssl {
    // SAFETY: a live context; the result is owned by the caller.
    unsafe {
        let ssl = openssl_sys::SSL_new(context.as_ptr());
        assert!(!ssl.is_null());
        Ssl::from_ptr(ssl)
    }
}

/// `SSL_dup`
pub fn duplicate(ssl: &SslRef) -> Ssl {
    // SAFETY: a live connection; the result is owned by the caller.
    unsafe {
        let copy = SSL_dup(ssl.as_ptr());
        assert!(!copy.is_null());
        Ssl::from_ptr(copy)
    }
}

/// Whether the connection starts a renegotiation.
pub fn renegotiate(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, used by this thread alone.
    unsafe { SSL_renegotiate(ssl.as_ptr()) == 1 }
}

/// Lets a connection renegotiate.
pub fn allow_renegotiation(ssl: &SslRef) {
    // SAFETY: a live connection, used by this thread alone.
    unsafe { SSL_clear_options(ssl.as_ptr(), openssl::ssl::SslOptions::NO_RENEGOTIATION.bits()) };
}

/// Makes a connection ready for another handshake.
pub fn clear(ssl: &SslRef) {
    // SAFETY: a live connection, used by this thread alone.
    assert_eq!(unsafe { SSL_clear(ssl.as_ptr()) }, 1);
}

/// The connection's options.
pub fn options(ssl: &SslRef) -> u64 {
    // SAFETY: a live connection, read only.
    unsafe { SSL_get_options(ssl.as_ptr()) }
}

/// How many TLS 1.3 tickets a full handshake on the connection gives.
pub fn tickets(ssl: &SslRef) -> usize {
    // SAFETY: a live connection, read only.
    unsafe { SSL_get_num_tickets(ssl.as_ptr()) }
}

/// Has a client ask for another server name from now on (`SSL_set_tlsext_host_name`); for none where there is none.
pub fn set_server_name(ssl: &SslRef, name: Option<&str>) {
    const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
    let name = name.map(|name| std::ffi::CString::new(name).unwrap());
    let pointer = name.as_ref().map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut().cast());
    // SAFETY: a live connection, used by this thread alone; the name is copied.
    assert_eq!(unsafe { openssl_sys::SSL_ctrl(ssl.as_ptr(), SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, pointer) }, 1);
}

/// Puts a message callback of one's own in the place of the one that is there.
pub fn replace_message_callback(context: &mut SslContextBuilder) {
    const SSL_CTRL_SET_MSG_CALLBACK: c_int = 15;
    // SAFETY: a context under construction; no callback is one.
    unsafe { SSL_CTX_callback_ctrl(context.as_ptr(), SSL_CTRL_SET_MSG_CALLBACK, None) };
}

/// How many sessions OpenSSL's internal cache holds (`SSL_CTX_sess_number`).
pub fn internal_sessions(context: &SslContextRef) -> i64 {
    const SSL_CTRL_SESS_NUMBER: c_int = 20;
    // SAFETY: a live context, read only.
    unsafe { SSL_CTX_ctrl(context.as_ptr(), SSL_CTRL_SESS_NUMBER, 0, ptr::null_mut()) as i64 }
}

/// A server's connection made by C over a socket that OpenSSL reads itself: it sees the end of the
/// stream, where the openssl crate's streams only see a read that failed.
pub struct CServer {
    ssl: Ssl,
    _socket: UnixStream,
}

impl CServer {
    pub fn new(context: &SslContextRef, socket: UnixStream) -> Self {
        let ssl = made_by_c(context);
        // SAFETY: a live connection, and a socket that lives as long.
        assert_eq!(unsafe { SSL_set_fd(ssl.as_ptr(), socket.as_raw_fd()) }, 1);
        Self { ssl, _socket: socket }
    }

    pub fn ssl(&self) -> &SslRef {
        &self.ssl
    }

    /// Whether the handshake succeeded.
    pub fn accept(&mut self) -> bool {
        // SAFETY: a live connection, used by this thread alone.
        unsafe { openssl_sys::SSL_accept(self.ssl.as_ptr()) == 1 }
    }

    /// What `SSL_read` returned for a byte.
    pub fn read(&mut self) -> c_int {
        let mut byte = [0_u8];
        // SAFETY: a live connection; room for one byte.
        unsafe { openssl_sys::SSL_read(self.ssl.as_ptr(), byte.as_mut_ptr().cast(), 1) }
    }

    /// What `SSL_write` returned for a byte.
    pub fn write(&mut self) -> c_int {
        // SAFETY: a live connection; one byte.
        unsafe { openssl_sys::SSL_write(self.ssl.as_ptr(), [b'!'].as_ptr().cast(), 1) }
    }
}

/// Gives the client another TLS 1.3 ticket with what is written next.
pub fn new_session_ticket(ssl: &SslRef) -> bool {
    // SAFETY: a live connection, used by this thread alone.
    unsafe { SSL_new_session_ticket(ssl.as_ptr()) == 1 }
}

/// Takes a context's client-hello callback away.
pub fn unset_client_hello_callback(context: &SslContextRef) {
    // SAFETY: a live context that no connection uses yet.
    unsafe { openssl_sys::SSL_CTX_set_client_hello_cb(context.as_ptr(), None, ptr::null_mut()) };
}

/// `OSSL_PARAM`
#[repr(C)]
struct Parameter {
    key: *const std::ffi::c_char,
    data_type: c_uint,
    data: *mut c_void,
    size: usize,
    returned: usize,
}

thread_local! {
    static ASKED: std::cell::Cell<Option<&'static std::sync::atomic::AtomicU64>> = const { std::cell::Cell::new(None) };
}

/// Has keys for stateless tickets on a context, and counts how often this thread is asked for them.
pub fn set_ticket_keys(context: &mut SslContextBuilder, asked: &'static std::sync::atomic::AtomicU64) {
    extern "C" fn keys(
        _: *mut SSL,
        name: *mut c_uchar,
        iv: *mut c_uchar,
        cipher: *mut openssl_sys::EVP_CIPHER_CTX,
        mac: *mut c_void,
        encrypts: c_int,
    ) -> c_int {
        const OCTETS: c_uint = 5;
        const TEXT: c_uint = 4;
        if encrypts != 1 {
            return 0;
        }
        if let Some(asked) = ASKED.get() {
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        let (mut key, mut digest) = ([7_u8; 32], *b"SHA256\0");
        let parameter = |key: *const std::ffi::c_char, data_type, data, size| Parameter {
            key,
            data_type,
            data,
            size,
            returned: usize::MAX,
        };
        let parameters = [
            parameter(c"key".as_ptr(), OCTETS, key.as_mut_ptr().cast(), key.len()),
            parameter(c"digest".as_ptr(), TEXT, digest.as_mut_ptr().cast(), digest.len() - 1),
            parameter(ptr::null(), 0, ptr::null_mut(), 0),
        ];
        // SAFETY: OpenSSL passes room for 16 bytes each and contexts for the duration of the call; the parameters end
        // with one without a key.
        unsafe {
            ptr::write_bytes(name, 1, 16);
            ptr::write_bytes(iv, 2, 16);
            let aes = openssl_sys::EVP_aes_256_cbc();
            assert_eq!(openssl_sys::EVP_EncryptInit_ex(cipher, aes, ptr::null_mut(), [3; 32].as_ptr(), iv), 1);
            assert_eq!(EVP_MAC_CTX_set_params(mac, parameters.as_ptr()), 1);
        }
        1
    }
    ASKED.set(Some(asked));
    // SAFETY: a context under construction; the callback lives as long as the program.
    unsafe { SSL_CTX_set_tlsext_ticket_key_evp_cb(context.as_ptr(), keys) };
}
