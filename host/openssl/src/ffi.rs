//! What `openssl-sys` does not declare. Signatures as in `openssl/ssl.h`, `openssl/x509.h` of OpenSSL 3.0 to 3.6.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

pub use openssl_sys::*;

pub type NewCallback = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;
pub type GetCallback = unsafe extern "C" fn(*mut SSL, *const c_uchar, c_int, *mut c_int) -> *mut SSL_SESSION;
pub type RemoveCallback = unsafe extern "C" fn(*mut SSL_CTX, *mut SSL_SESSION);
pub type InfoCallback = unsafe extern "C" fn(*const SSL, c_int, c_int);
pub type AllowEarlyDataCallback = unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int;
pub type MessageCallback = unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, usize, *mut SSL, *mut c_void);
pub type VerifyCallback = extern "C" fn(c_int, *mut X509_STORE_CTX) -> c_int;
pub type GenerateTicketCallback = unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int;
pub type DecryptTicketCallback =
    unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION, *const c_uchar, usize, c_int, *mut c_void) -> c_int;
pub type SecurityCallback =
    unsafe extern "C" fn(*const SSL, *const SSL_CTX, c_int, c_int, c_int, *mut c_void, *mut c_void) -> c_int;
pub type TicketKeyCallback =
    unsafe extern "C" fn(*mut SSL, *mut c_uchar, *mut c_uchar, *mut EVP_CIPHER_CTX, *mut c_void, c_int) -> c_int;

/// `CONF`
pub enum Conf {}

/// `SSL_OP_NO_ANTI_REPLAY`
pub const SSL_OP_NO_ANTI_REPLAY: u64 = 1 << 24;
/// `SSL_OP_NO_EXTENDED_MASTER_SECRET`
pub const SSL_OP_NO_EXTENDED_MASTER_SECRET: u64 = 1;
/// `TLS_ST_OK`, the handshake state of an established connection.
pub const TLS_ST_OK: c_int = 1;
/// `SSL_EARLY_DATA_REJECTED`
pub const SSL_EARLY_DATA_REJECTED: c_int = 1;
/// `SSL_EARLY_DATA_ACCEPTED`
pub const SSL_EARLY_DATA_ACCEPTED: c_int = 2;
/// `SSL_CTRL_GET_SESS_CACHE_MODE`
pub const SSL_CTRL_GET_SESS_CACHE_MODE: c_int = 45;
/// `SSL_CTRL_GET_SIGNATURE_NID`
pub const SSL_CTRL_GET_SIGNATURE_NID: c_int = 132;
/// `SSL_SECOP_VERSION`
pub const SSL_SECOP_VERSION: c_int = 9;
/// `SSL_CB_HANDSHAKE_START`
pub const SSL_CB_HANDSHAKE_START: c_int = 0x10;
/// `SSL_CB_HANDSHAKE_DONE`
pub const SSL_CB_HANDSHAKE_DONE: c_int = 0x20;
/// `SSL_R_UNEXPECTED_EOF_WHILE_READING`
pub const SSL_R_UNEXPECTED_EOF_WHILE_READING: c_int = 294;
/// `XN_FLAG_RFC2253` without `ASN1_STRFLGS_ESC_MSB`: non-ASCII stays UTF-8.
pub const XN_FLAG_RFC2253_UTF8: c_ulong = 0x0111_0317 & !4;

unsafe extern "C" {
    pub fn SSL_CTX_sess_get_new_cb(ctx: *mut SSL_CTX) -> Option<NewCallback>;
    pub fn SSL_CTX_sess_get_get_cb(ctx: *mut SSL_CTX) -> Option<GetCallback>;
    pub fn SSL_CTX_sess_get_remove_cb(ctx: *mut SSL_CTX) -> Option<RemoveCallback>;
    pub fn SSL_CTX_set_generate_session_id(ctx: *mut SSL_CTX, callback: GEN_SESSION_CB) -> c_int;
    pub fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub fn SSL_CTX_get_verify_callback(ctx: *const SSL_CTX) -> Option<VerifyCallback>;
    pub fn SSL_CTX_get_recv_max_early_data(ctx: *const SSL_CTX) -> u32;
    pub fn SSL_CTX_set_allow_early_data_cb(
        ctx: *mut SSL_CTX,
        callback: Option<AllowEarlyDataCallback>,
        argument: *mut c_void,
    );
    pub fn SSL_CTX_set_msg_callback(ctx: *mut SSL_CTX, callback: Option<MessageCallback>);
    pub fn SSL_CTX_get_info_callback(ctx: *mut SSL_CTX) -> Option<InfoCallback>;
    pub fn SSL_CTX_set_session_ticket_cb(
        ctx: *mut SSL_CTX,
        generate: Option<GenerateTicketCallback>,
        decrypt: Option<DecryptTicketCallback>,
        argument: *mut c_void,
    ) -> c_int;
    pub fn SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx: *mut SSL_CTX, callback: Option<TicketKeyCallback>) -> c_int;

    pub fn SSL_CTX_get_security_callback(ctx: *const SSL_CTX) -> Option<SecurityCallback>;
    pub fn SSL_CTX_set_security_callback(ctx: *mut SSL_CTX, callback: Option<SecurityCallback>);
    pub fn SSL_CTX_get_ciphers(ctx: *const SSL_CTX) -> *mut stack_st_SSL_CIPHER;
    pub fn SSL_CTX_get_client_CA_list(ctx: *const SSL_CTX) -> *mut stack_st_X509_NAME;

    pub fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    pub fn SSL_set0_wbio(ssl: *mut SSL, bio: *mut BIO);
    pub fn BIO_up_ref(bio: *mut BIO) -> c_int;
    pub fn SSL_get_fd(ssl: *const SSL) -> c_int;
    pub fn SSL_set_generate_session_id(ssl: *mut SSL, callback: GEN_SESSION_CB) -> c_int;
    pub fn SSL_set_info_callback(ssl: *mut SSL, callback: Option<InfoCallback>);
    pub fn SSL_get_info_callback(ssl: *const SSL) -> Option<InfoCallback>;
    pub fn SSL_set1_param(ssl: *mut SSL, param: *mut X509_VERIFY_PARAM) -> c_int;
    pub fn SSL_set_recv_max_early_data(ssl: *mut SSL, bytes: u32) -> c_int;
    pub fn SSL_set_session_id_context(ssl: *mut SSL, context: *const c_uchar, length: c_uint) -> c_int;
    pub fn SSL_get_options(ssl: *const SSL) -> u64;
    pub fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn SSL_clear_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn SSL_get_ciphers(ssl: *const SSL) -> *mut stack_st_SSL_CIPHER;
    pub fn SSL_get_pending_cipher(ssl: *const SSL) -> *const SSL_CIPHER;
    pub fn SSL_get_early_data_status(ssl: *const SSL) -> c_int;
    pub fn SSL_get_state(ssl: *const SSL) -> c_int;
    pub fn SSL_in_init(ssl: *const SSL) -> c_int;
    pub fn SSL_is_dtls(ssl: *const SSL) -> c_int;

    pub fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION;
    pub fn SSL_SESSION_set1_master_key(session: *mut SSL_SESSION, secret: *const c_uchar, length: usize) -> c_int;
    pub fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, seconds: c_long) -> c_long;
    pub fn SSL_SESSION_get0_peer(session: *mut SSL_SESSION) -> *mut X509;
    pub fn SSL_SESSION_get0_ticket(session: *const SSL_SESSION, ticket: *mut *const c_uchar, length: *mut usize);
    pub fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong;
    pub fn SSL_SESSION_get0_cipher(session: *const SSL_SESSION) -> *const SSL_CIPHER;
    pub fn SSL_SESSION_get0_alpn_selected(session: *const SSL_SESSION, alpn: *mut *const c_uchar, length: *mut usize);

    pub fn CONF_imodule_get_value(module: *mut c_void) -> *const c_char;
    pub fn NCONF_get_string(conf: *const Conf, section: *const c_char, name: *const c_char) -> *mut c_char;
    pub fn CRYPTO_set_ex_data(data: *mut CRYPTO_EX_DATA, index: c_int, value: *mut c_void) -> c_int;
    pub fn ERR_set_mark() -> c_int;
    pub fn ERR_pop_to_mark() -> c_int;
    pub fn X509_STORE_lock(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_unlock(store: *mut X509_STORE) -> c_int;
    pub fn X509_OBJECT_get0_X509_CRL(object: *const X509_OBJECT) -> *mut X509_CRL;
    pub fn X509_NAME_digest(
        name: *const X509_NAME,
        kind: *const EVP_MD,
        digest: *mut c_uchar,
        length: *mut c_uint,
    ) -> c_int;
    pub fn X509_STORE_add_crl(store: *mut X509_STORE, list: *mut X509_CRL) -> c_int;
    pub fn X509_NAME_print_ex(out: *mut BIO, name: *const X509_NAME, indent: c_int, flags: c_ulong) -> c_int;
    pub fn X509_NAME_hash_ex(
        name: *const X509_NAME,
        library: *mut OSSL_LIB_CTX,
        properties: *const c_char,
        ok: *mut c_int,
    ) -> c_ulong;
    pub fn X509_get_X509_PUBKEY(certificate: *const X509) -> *mut c_void;
    pub fn i2d_X509_PUBKEY(key: *const c_void, out: *mut *mut c_uchar) -> c_int;
}
