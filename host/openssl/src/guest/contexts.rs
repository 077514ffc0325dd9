//! A context is made.

use std::{
    ffi::{c_int, c_long, c_void},
    sync::Arc,
};

use reprise_session::vital::guarded;

use super::{GUEST, security};
use crate::{
    ffi,
    hooks::{ex_data, site::Site},
};

/// `CRYPTO_EX_new` for contexts. Nobody else has the context yet.
pub unsafe extern "C" fn made(
    context: *mut c_void,
    _: *mut c_void,
    data: *mut ffi::CRYPTO_EX_DATA,
    index: c_int,
    _: c_long,
    _: *mut c_void,
) {
    let Some(guest) = GUEST.get() else { return };
    guarded("ex_data new", (), || {
        let site = Arc::new(Site::of_guest(guest.handler.clone()));
        // SAFETY: OpenSSL passes a live context that is being made, its data, and the index that this callback is for.
        unsafe {
            if ex_data::set_site_of_new(data, index, site) {
                security::hook(context.cast());
            }
        }
    });
}
