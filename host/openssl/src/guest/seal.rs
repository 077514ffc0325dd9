//! The session callbacks of a context.

use std::{
    ffi::c_void,
    mem, ptr,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError, atomic::Ordering::Relaxed},
};

use super::leave;
use crate::{
    facts::{Displaced, LeftAlone, Noted},
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
    let noted = unsafe {
        if is_sealed(context) {
            return leave::sessions_are_ours();
        }
        hooked(context, site)
    };
    if let Some(noted) = noted {
        leave::note(site, noted);
    }
    matches!(noted, Some(Noted::Hooked(_)))
}

/// What becomes of a context that is not hooked yet. None where that is not found out, this once.
///
/// SAFETY: as for `seal`.
unsafe fn hooked(context: *mut ffi::SSL_CTX, site: &Site) -> Option<Noted> {
    // SAFETY: by this function's contract.
    unsafe {
        if !leave::sessions_are_ours() {
            return Some(Noted::Left(LeftAlone::DataOnSessions));
        }
        if leave::resumption_is_off(context) {
            return Some(Noted::Left(LeftAlone::ResumptionIsOff));
        }
        let _one = alone()?;
        if is_sealed(context) {
            return Some(Noted::Hooked(Displaced::default()));
        }
        // One at a time, too: each look knows which index comes next.
        leave::look_at_sessions();
        if !leave::sessions_are_ours() {
            return Some(Noted::Left(LeftAlone::DataOnSessions));
        }
        let (new, get) = (ffi::SSL_CTX_sess_get_new_cb(context), ffi::SSL_CTX_sess_get_get_cb(context));
        let remove = ffi::SSL_CTX_sess_get_remove_cb(context);
        let mode = ffi::SSL_CTX_ctrl(context, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, ptr::null_mut());
        // One that sets some of them for each connection leaves the others ours.
        let ours = [new_session as *mut c_void, get_session as *mut c_void, remove_session as *mut c_void];
        let there =
            [new.map(|new| new as *mut c_void), get.map(|get| get as *mut c_void), remove.map(|it| it as *mut c_void)];
        let displaced = [&site.displaced_new, &site.displaced_get, &site.displaced_remove];
        for ((displaced, there), ours) in displaced.into_iter().zip(there).zip(ours) {
            if there != Some(ours) {
                displaced.store(there.unwrap_or(ptr::null_mut()), Relaxed);
            }
        }
        if !there.iter().zip(ours).any(|(there, ours)| *there == Some(ours)) {
            site.displaced_mode.store(mode, Relaxed);
        }
        ffi::SSL_CTX_sess_set_new_cb(context, Some(new_session));
        ffi::SSL_CTX_sess_set_get_cb(context, Some(get_session));
        ffi::SSL_CTX_sess_set_remove_cb(context, Some(remove_session));
        let cache = ffi::SSL_SESS_CACHE_SERVER | ffi::SSL_SESS_CACHE_NO_INTERNAL | ffi::SSL_SESS_CACHE_NO_AUTO_CLEAR;
        // A program's connections to others may have sessions, too, by the same context.
        ffi::SSL_CTX_set_session_cache_mode(context, cache | mode & ffi::SSL_SESS_CACHE_CLIENT);
        let internal = mode & ffi::SSL_SESS_CACHE_SERVER != 0 && mode & ffi::SSL_SESS_CACHE_NO_INTERNAL == 0;
        Some(Noted::Hooked(Displaced { new: new.is_some(), get: get.is_some(), internal }))
    }
}

/// Gives a context back what it had before it was hooked.
///
/// SAFETY: as for `seal`.
pub unsafe fn unseal(context: *mut ffi::SSL_CTX, site: &Site) {
    // SAFETY: by this function's contract; what was displaced was put there as callbacks of these types.
    unsafe {
        if !is_sealed(context) {
            return;
        }
        let Some(_one) = alone() else { return };
        if !is_sealed(context) {
            return;
        }
        let [new, get, remove] =
            [&site.displaced_new, &site.displaced_get, &site.displaced_remove].map(|displaced| displaced.load(Relaxed));
        ffi::SSL_CTX_sess_set_new_cb(context, mem::transmute::<*mut c_void, Option<ffi::NewCallback>>(new));
        ffi::SSL_CTX_sess_set_get_cb(context, mem::transmute::<*mut c_void, Option<ffi::GetCallback>>(get));
        ffi::SSL_CTX_sess_set_remove_cb(context, mem::transmute::<*mut c_void, Option<ffi::RemoveCallback>>(remove));
        ffi::SSL_CTX_set_session_cache_mode(context, site.displaced_mode.load(Relaxed));
    }
}

/// In a forked child, a thread of the parent's may have held it: the handshake is left alone then, this once.
fn alone() -> Option<MutexGuard<'static, ()>> {
    match SEALING.try_lock() {
        Ok(one) => Some(one),
        Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn is_sealed(context: *mut ffi::SSL_CTX) -> bool {
    // SAFETY: by this function's contract; plain field reads.
    let (new, get) = unsafe { (ffi::SSL_CTX_sess_get_new_cb(context), ffi::SSL_CTX_sess_get_get_cb(context)) };
    new.is_some_and(|new| ptr::fn_addr_eq(new, new_session as ffi::NewCallback))
        && get.is_some_and(|get| ptr::fn_addr_eq(get, get_session as ffi::GetCallback))
}
