//! What is left alone, and why.

use std::{
    ptr,
    sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed},
};

use crate::{
    facts::{LeftAlone, Noted},
    ffi,
    hooks::{ex_data, site::Site},
    tls::errors,
};

/// `CRYPTO_EX_INDEX_SSL_SESSION`
const SESSIONS: i32 = 2;

/// How often it is looked whether somebody else hangs data on sessions. An index is never given back, and each makes every session
/// larger.
const LOOKS: u32 = 8;

/// The index that the next look gives if nobody else took one.
static NEXT: AtomicI32 = AtomicI32::new(1);
static LOOKED: AtomicU32 = AtomicU32::new(0);
static FOUND: AtomicBool = AtomicBool::new(false);

/// False if the program hangs data of its own on sessions (`SSL_SESSION_get_ex_new_index`). What it says there, "this client is
/// authenticated" for instance, is not in a session's encoding: a session that comes from elsewhere says whatever the program makes
/// new ones say. stunnel and FreeRADIUS do so, and are left alone.
pub fn sessions_are_ours() -> bool {
    !FOUND.load(Relaxed)
}

/// Looks again, some times at the most: when the module is loaded, and when contexts are hooked.
pub fn look_at_sessions() {
    if FOUND.load(Relaxed) || LOOKED.fetch_add(1, Relaxed) >= LOOKS {
        return;
    }
    // SAFETY: without callbacks and arguments; an index is all that comes of it.
    let index =
        errors::aside(|| unsafe { ffi::CRYPTO_get_ex_new_index(SESSIONS, 0, ptr::null_mut(), None, None, None) });
    // 0 is what OpenSSL itself has for programs, and gives to nobody. Negative where it is out of memory.
    let expected = NEXT.fetch_add(1, Relaxed);
    if index != expected {
        FOUND.store(true, Relaxed);
    }
}

/// Says that a context is left alone, once.
///
/// SAFETY: `context` must be a live `SSL_CTX`.
pub unsafe fn context(context: *mut ffi::SSL_CTX, why: LeftAlone) {
    // SAFETY: by this function's contract.
    if let Some(site) = unsafe { ex_data::site(context) } {
        note(&site, Noted::Left(why));
    }
}

/// Says what became of a context, once.
pub fn note(site: &Site, noted: Noted) {
    if !site.is_noted.load(Relaxed) {
        site.is_noted.store(site.handler.noted(noted), Relaxed);
    }
}

/// Whether a context's program has turned resumption off: no cache, and no tickets. PostgreSQL does.
///
/// SAFETY: `context` must be a live `SSL_CTX`.
pub unsafe fn resumption_is_off(context: *mut ffi::SSL_CTX) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let mode = ffi::SSL_CTX_ctrl(context, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, ptr::null_mut());
        mode & ffi::SSL_SESS_CACHE_SERVER == 0 && ffi::SSL_CTX_get_options(context) & ffi::SSL_OP_NO_TICKET != 0
    }
}
