//! What is hung on OpenSSL's objects: a [`Site`] on each `SSL_CTX`, a [`Connection`] on each `SSL`.
//!
//! rust-openssl's own indexes are not used: they copy the pointer in `SSL_dup`, and a copy would be freed twice.

use std::{
    ffi::{c_int, c_long, c_void},
    ptr,
    sync::{Arc, OnceLock},
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;
use reprise_session::vital::guarded;

use super::{connection::Connection, info, site::Site, trampolines};
use crate::ffi;

const CRYPTO_EX_INDEX_SSL: c_int = 0;
const CRYPTO_EX_INDEX_SSL_CTX: c_int = 1;

static SITE: OnceLock<c_int> = OnceLock::new();
static CONNECTION: OnceLock<c_int> = OnceLock::new();

fn site_index() -> c_int {
    *SITE.get_or_init(|| new_index(CRYPTO_EX_INDEX_SSL_CTX, None, free_site))
}

/// From now on, each context that this process makes is shown to `made` while nobody else has it. False if there is an index already, or
/// OpenSSL is out of memory: then none is.
pub fn watch_contexts(made: MadeCallback) -> bool {
    let mut watched = false;
    let index = *SITE.get_or_init(|| {
        watched = true;
        new_index(CRYPTO_EX_INDEX_SSL_CTX, Some(made), free_site)
    });
    watched && index >= 0 && connection_index() >= 0
}

fn connection_index() -> c_int {
    *CONNECTION.get_or_init(|| new_index(CRYPTO_EX_INDEX_SSL, None, free_connection))
}

/// `CRYPTO_EX_new`
pub type MadeCallback =
    unsafe extern "C" fn(*mut c_void, *mut c_void, *mut ffi::CRYPTO_EX_DATA, c_int, c_long, *mut c_void);

type Free = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut ffi::CRYPTO_EX_DATA, c_int, c_long, *mut c_void);

/// A new index whose slots hold an `Arc` or null. Negative if OpenSSL is out of memory; then nothing is ever stored.
fn new_index(class: c_int, made: Option<MadeCallback>, free: Free) -> c_int {
    openssl::init();
    // SAFETY: the callbacks have the signatures OpenSSL documents and live as long as the program.
    unsafe { ffi::CRYPTO_get_ex_new_index(class, 0, ptr::null_mut(), made, Some(forget_copy), Some(free)) }
}

/// A duplicated object starts without what hung on the original.
unsafe extern "C" fn forget_copy(
    _to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    copied: *mut *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) -> c_int {
    // SAFETY: since OpenSSL 3.0, `from_d` points at the copied pointer, for this callback to change.
    unsafe { *copied = ptr::null_mut() };
    1
}

unsafe extern "C" fn free_site(
    _context: *mut c_void,
    slot: *mut c_void,
    _ad: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    if !slot.is_null() {
        // SAFETY: a slot that is not null holds what `Arc::into_raw` gave; OpenSSL frees it once.
        guarded("ex_data free", (), || drop(unsafe { Arc::from_raw(slot.cast::<Site>()) }));
    }
}

unsafe extern "C" fn free_connection(
    ssl: *mut c_void,
    slot: *mut c_void,
    _ad: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    if !slot.is_null() {
        guarded("ex_data free", (), || {
            // SAFETY: as in `free_site`.
            let connection = unsafe { Arc::from_raw(slot.cast::<Connection>()) };
            let used = connection.detached();
            // SAFETY: OpenSSL passes the connection that it is freeing.
            let given_up = unsafe { gives_up_its_session(ssl.cast()) };
            trampolines::just_freed(if given_up { used } else { Vec::new() });
        });
    }
}

/// Whether OpenSSL, done with ex_data, gives up the session of this connection as `ssl_clear_bad_session` does. Since OpenSSL
/// 3.2 it did so before it came to ex_data.
///
/// SAFETY: `ssl` must be an `SSL` that is being freed.
unsafe fn gives_up_its_session(ssl: *const ffi::SSL) -> bool {
    const OPENSSL_3_2: i64 = 0x3020_0000;
    // SAFETY: by this function's contract; plain field reads.
    openssl::version::number() < OPENSSL_3_2
        && unsafe { ffi::SSL_get_shutdown(ssl) & ffi::SSL_SENT_SHUTDOWN == 0 && ffi::SSL_in_init(ssl) == 0 }
}

/// SAFETY: `slot` must have come from a slot of an index whose slots hold an `Arc<T>`, with its object alive.
unsafe fn share<T>(slot: *mut c_void) -> Option<Arc<T>> {
    if slot.is_null() {
        return None;
    }
    let slot = slot.cast::<T>().cast_const();
    // SAFETY: the slot owns one count of this Arc, so it is alive; this makes another.
    unsafe {
        Arc::increment_strong_count(slot);
        Some(Arc::from_raw(slot))
    }
}

/// What hangs on the connection.
pub fn of(ssl: &SslRef) -> Option<Arc<Connection>> {
    // SAFETY: a live connection.
    unsafe { connection(ssl.as_ptr()) }
}

/// What hangs on the connection, made if there is nothing; none if OpenSSL is out of memory. The handshake's end is heard of from
/// then on.
pub fn of_or_new(ssl: &SslRef) -> Option<Arc<Connection>> {
    // SAFETY: a live connection.
    unsafe {
        let connection = connection_or_new(ssl.as_ptr())?;
        info::listen(ssl.as_ptr(), &connection);
        Some(connection)
    }
}

/// The same, which changes nothing of the connection.
pub fn of_or_new_unheard(ssl: &SslRef) -> Option<Arc<Connection>> {
    // SAFETY: a live connection.
    unsafe { connection_or_new(ssl.as_ptr()) }
}

/// The site hung on a context, if a handler was installed on it.
///
/// SAFETY: `context` must be a live `SSL_CTX`.
pub unsafe fn site(context: *const ffi::SSL_CTX) -> Option<Arc<Site>> {
    // SAFETY: by this function's contract; a negative index gives null.
    unsafe { share(ffi::SSL_CTX_get_ex_data(context, site_index())) }
}

/// Hangs a site on a context that has none; false if OpenSSL is out of memory.
///
/// SAFETY: `context` must be a live `SSL_CTX` that no other thread uses.
pub unsafe fn set_site(context: *mut ffi::SSL_CTX, site: Arc<Site>) -> bool {
    let slot = Arc::into_raw(site);
    // SAFETY: by this function's contract; the slot takes over the count, or on failure it is taken back.
    unsafe {
        if ffi::SSL_CTX_set_ex_data(context, site_index(), slot.cast_mut().cast()) == 1 {
            return true;
        }
        drop(Arc::from_raw(slot));
    }
    false
}

/// Hangs a site on a context that is being made; false if OpenSSL is out of memory.
///
/// SAFETY: `data` and `index` must be what a [`MadeCallback`] was given.
pub unsafe fn set_site_of_new(data: *mut ffi::CRYPTO_EX_DATA, index: c_int, site: Arc<Site>) -> bool {
    let slot = Arc::into_raw(site);
    // SAFETY: by this function's contract; the slot takes over the count, or on failure it is taken back.
    unsafe {
        if ffi::CRYPTO_set_ex_data(data, index, slot.cast_mut().cast()) == 1 {
            return true;
        }
        drop(Arc::from_raw(slot));
    }
    false
}

/// What hangs on a connection, if anything does.
///
/// SAFETY: `ssl` must be a live `SSL`, used by this thread alone.
unsafe fn connection(ssl: *const ffi::SSL) -> Option<Arc<Connection>> {
    // SAFETY: by this function's contract.
    unsafe { share(ffi::SSL_get_ex_data(ssl, connection_index())) }
}

/// What hangs on a connection, for as long as OpenSSL lends it to a callback.
///
/// SAFETY: `ssl` must be a live `SSL`, used by this thread alone, and not freed within `'a`.
pub unsafe fn connection_ref<'a>(ssl: *const ffi::SSL) -> Option<&'a Connection> {
    // SAFETY: by this function's contract. The slot owns a count of the Arc until the connection is freed.
    unsafe { ffi::SSL_get_ex_data(ssl, connection_index()).cast::<Connection>().as_ref() }
}

/// What hangs on a connection, made if nothing does; none if OpenSSL is out of memory.
///
/// SAFETY: `ssl` must be a live `SSL`, used by this thread alone.
unsafe fn connection_or_new(ssl: *mut ffi::SSL) -> Option<Arc<Connection>> {
    // SAFETY: by this function's contract; the slot takes over the count, or on failure it is taken back.
    unsafe {
        if let Some(connection) = connection(ssl) {
            return Some(connection);
        }
        let connection = Arc::new(Connection::new(ssl as usize));
        let slot = Arc::into_raw(connection.clone());
        if ffi::SSL_set_ex_data(ssl, connection_index(), slot.cast_mut().cast()) == 1 {
            return Some(connection);
        }
        drop(Arc::from_raw(slot));
    }
    None
}
