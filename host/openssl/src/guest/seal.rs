//! The session callbacks of a context.

use std::{
    ffi::c_void,
    sync::{Mutex, PoisonError, TryLockError, atomic::Ordering::Relaxed},
};

use super::leave;
use crate::{
    ffi,
    hooks::{
        site::Site,
        trampolines::{get_session, new_session, remove_session},
    },
};

/// One at a time. OpenSSL reads what is set here after this point of each handshake, so that a handshake beside it has passed here, too,
/// and found it set.
static SEALING: Mutex<()> = Mutex::new(());

/// Has the three callbacks be ours, and the cache be nobody else's. Looked at in each handshake: Node sets its own for each
/// connection. False if the context is left alone.
///
/// SAFETY: `context` must be a live `SSL_CTX`, and `site` hang on it.
pub unsafe fn seal(context: *mut ffi::SSL_CTX, site: &Site) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        if is_sealed(context) {
            return !leave::sessions_are_the_programs();
        }
        if leave::sessions_are_the_programs() || leave::resumption_is_off(context) {
            return false;
        }
        // In a forked child, a thread of the parent's may have held it: the handshake is left alone then, this once.
        let Ok(_one) = SEALING.try_lock().or_else(|held| match held {
            TryLockError::Poisoned(poisoned) => Ok(PoisonError::into_inner(poisoned)),
            TryLockError::WouldBlock => Err(()),
        }) else {
            return false;
        };
        if is_sealed(context) {
            return true;
        }
        // One at a time, too: each look knows which index comes next.
        leave::look_at_sessions();
        if leave::sessions_are_the_programs() {
            return false;
        }
        // A program's connections to others may have sessions, too, by the same context.
        let clients = ffi::SSL_CTX_ctrl(context, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, std::ptr::null_mut())
            & ffi::SSL_SESS_CACHE_CLIENT;
        if let Some(new) = ffi::SSL_CTX_sess_get_new_cb(context) {
            site.displaced_new.store(new as *mut c_void, Relaxed);
        }
        if let Some(remove) = ffi::SSL_CTX_sess_get_remove_cb(context) {
            site.displaced_remove.store(remove as *mut c_void, Relaxed);
        }
        ffi::SSL_CTX_sess_set_new_cb(context, Some(new_session));
        ffi::SSL_CTX_sess_set_get_cb(context, Some(get_session));
        ffi::SSL_CTX_sess_set_remove_cb(context, Some(remove_session));
        let cache = ffi::SSL_SESS_CACHE_SERVER | ffi::SSL_SESS_CACHE_NO_INTERNAL | ffi::SSL_SESS_CACHE_NO_AUTO_CLEAR;
        ffi::SSL_CTX_set_session_cache_mode(context, cache | clients);
        true
    }
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn is_sealed(context: *mut ffi::SSL_CTX) -> bool {
    // SAFETY: by this function's contract; plain field reads.
    let (new, get) = unsafe { (ffi::SSL_CTX_sess_get_new_cb(context), ffi::SSL_CTX_sess_get_get_cb(context)) };
    new.is_some_and(|new| std::ptr::fn_addr_eq(new, new_session as ffi::NewCallback))
        && get.is_some_and(|get| std::ptr::fn_addr_eq(get, get_session as ffi::GetCallback))
}
