//! The session callbacks of a context.

use std::sync::{Mutex, PoisonError};

use crate::{
    ffi,
    hooks::trampolines::{get_session, new_session, remove_session},
};

/// One at a time. OpenSSL reads what is set here after this point of each handshake, so that a handshake beside it has passed here, too,
/// and found it set.
static SEALING: Mutex<()> = Mutex::new(());

/// Has the three callbacks be ours, and the cache be nobody else's. Looked at in each handshake: Node sets its own for each
/// connection.
///
/// SAFETY: `context` must be a live `SSL_CTX`.
pub unsafe fn seal(context: *mut ffi::SSL_CTX) {
    // SAFETY: by this function's contract.
    unsafe {
        if is_sealed(context) {
            return;
        }
        let _one = SEALING.lock().unwrap_or_else(PoisonError::into_inner);
        if is_sealed(context) {
            return;
        }
        ffi::SSL_CTX_sess_set_new_cb(context, Some(new_session));
        ffi::SSL_CTX_sess_set_get_cb(context, Some(get_session));
        ffi::SSL_CTX_sess_set_remove_cb(context, Some(remove_session));
        let cache = ffi::SSL_SESS_CACHE_SERVER | ffi::SSL_SESS_CACHE_NO_INTERNAL | ffi::SSL_SESS_CACHE_NO_AUTO_CLEAR;
        ffi::SSL_CTX_set_session_cache_mode(context, cache);
    }
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn is_sealed(context: *mut ffi::SSL_CTX) -> bool {
    // SAFETY: by this function's contract; plain field reads.
    let (new, get) = unsafe { (ffi::SSL_CTX_sess_get_new_cb(context), ffi::SSL_CTX_sess_get_get_cb(context)) };
    new.is_some_and(|new| std::ptr::fn_addr_eq(new, new_session as ffi::NewCallback))
        && get.is_some_and(|get| std::ptr::fn_addr_eq(get, get_session as ffi::GetCallback))
}
