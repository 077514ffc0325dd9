//! OpenSSL's security callback (`SSL_CTX_set_security_callback`). It is asked whether a version, a cipher or a key is good enough, some
//! ten times in a handshake, and what was there before goes on answering that.

use std::{
    ffi::{c_int, c_void},
    mem, ptr,
    sync::atomic::{AtomicPtr, Ordering::Relaxed},
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;
use reprise_session::vital::guarded;

use super::hello;
use crate::{ffi, hooks::ex_data};

/// The callback that contexts are made with. It is one function of OpenSSL's, in every context.
static BEFORE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Sets the callback on a context.
///
/// SAFETY: `context` must be an `SSL_CTX` that is being made.
pub unsafe fn hook(context: *mut ffi::SSL_CTX) {
    // SAFETY: by this function's contract; the callback lives as long as the program.
    unsafe {
        let Some(before) = ffi::SSL_CTX_get_security_callback(context) else { return };
        if BEFORE.load(Relaxed).is_null() {
            BEFORE.store(before as *mut c_void, Relaxed);
        }
        // One that has another is left alone: there is one place to remember it in.
        if BEFORE.load(Relaxed) == before as *mut c_void {
            ffi::SSL_CTX_set_security_callback(context, Some(security));
        }
    }
}

unsafe extern "C" fn security(
    ssl: *const ffi::SSL,
    context: *const ffi::SSL_CTX,
    operation: c_int,
    bits: c_int,
    nid: c_int,
    other: *mut c_void,
    argument: *mut c_void,
) -> c_int {
    if !ssl.is_null() {
        // SAFETY: OpenSSL passes a live connection, used by this thread alone.
        unsafe { watch(ssl.cast_mut(), operation) };
    }
    // SAFETY: what is there was put there by `hook`, as a callback of this type.
    let before = unsafe { mem::transmute::<*mut c_void, Option<ffi::SecurityCallback>>(BEFORE.load(Relaxed)) };
    // SAFETY: it is called as OpenSSL would have called it.
    before.map_or(1, |before| unsafe { before(ssl, context, operation, bits, nid, other, argument) })
}

/// Sees whether a ClientHello was read that is not known yet.
///
/// SAFETY: `ssl` must be a live `SSL`, used by this thread alone.
unsafe fn watch(ssl: *mut ffi::SSL, operation: c_int) {
    // SAFETY: by this function's contract.
    let (read, connection) = unsafe {
        // This alone proves a server: before its handshake runs, SSL_is_server takes a client of TLS_method() for one.
        (ffi::SSL_client_hello_get0_random(ssl, ptr::null_mut()) > 0, ex_data::connection_ref(ssl))
    };
    let asks_version = operation == ffi::SSL_SECOP_VERSION;
    match connection {
        // Asked about the version with a ClientHello that was read: this one, or the next.
        Some(connection) if connection.guest.is_settled() && !(connection.is_taken() && read && asks_version) => {}
        _ if read => {
            // SAFETY: by this function's contract.
            guarded("security", (), || hello::read(unsafe { SslRef::from_ptr(ssl) }));
        }
        // SAFETY: by this function's contract.
        None if asks_version && unsafe { ffi::SSL_is_server(ssl) == 1 } => {
            // SAFETY: by this function's contract.
            guarded("security", (), || hello::awaited(unsafe { SslRef::from_ptr(ssl) }));
        }
        _ => {}
    }
}
