//! OpenSSL's info callback (`SSL_set_info_callback`), the one thing that tells when a handshake is complete: a resumption in TLS
//! 1.2 calls none of the session callbacks after get_cb.
//!
//! It is set on each connection, where it stands before the one that is there or, as in OpenSSL, the context's: whoever has one
//! is called as before. An embedder that sets another on a connection whose handshake runs ends the counting of it, no more.

use std::{
    ffi::{c_int, c_void},
    mem, ptr,
    sync::atomic::{AtomicPtr, Ordering::Relaxed},
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;
use reprise_session::vital::guarded;

use super::{connection::Connection, done::done, ex_data, site::Site, switches};
use crate::{ffi, tls::ssl};

/// `SSL_state_string` in the state `TLS_ST_EARLY_DATA`. The number of that state is another since OpenSSL 3.2.
const READS_EARLY_DATA: &str = "TED";

/// The info callback that a connection had of its own; null if none.
#[derive(Default)]
pub struct Displaced(AtomicPtr<c_void>);

/// Sets the callback on a connection, if it is not there.
///
/// SAFETY: `ssl` must be a live `SSL`, used by this thread alone, on which `connection` hangs.
pub unsafe fn listen(ssl: *mut ffi::SSL, connection: &Connection) {
    // SAFETY: by this function's contract; the callback lives as long as the program.
    unsafe {
        let there = ffi::SSL_get_info_callback(ssl);
        if there.is_some_and(|there| ptr::fn_addr_eq(there, info as ffi::InfoCallback)) {
            return;
        }
        connection.displaced.0.store(there.map_or(ptr::null_mut(), |there| there as *mut c_void), Relaxed);
        ffi::SSL_set_info_callback(ssl, Some(info));
    }
}

/// OpenSSL resumes a session, and the program has had its chance to switch the connection to another context. Where it is not the one
/// that the session was looked for at, the handshake must not go on: it would resume what belongs somewhere else.
fn stays_or_ends(ssl: &SslRef, connection: &Connection) {
    if !ssl::resumed(ssl) {
        return;
    }
    let mut state = connection.state.lock();
    let Some(running) = &mut state.running else { return };
    // Decided once: what a connection wrote to before it was cut is kept, and is not what it writes to now.
    let undecided = running.handed.is_some() && !running.stayed && running.cut.is_none();
    let Some(expected) = running.expected.as_ref().filter(|_| undecided) else {
        return;
    };
    let there = Site::of(ssl).map(|site| site.place_now(ssl, &running.hooked.listener));
    let stays = expected.place.as_ref().zip(there.as_ref()).is_some_and(|(expected, there)| expected.is(there));
    running.stayed = stays;
    if stays {
        running.context = ssl::context(ssl);
        return;
    }
    // The next handshake knows.
    if let Some(there) = there {
        switches::learn(expected.name, &there);
    }
    running.cut = ssl::cut(ssl);
}

unsafe extern "C" fn info(ssl: *const ffi::SSL, event: c_int, value: c_int) {
    // SAFETY: OpenSSL passes a live connection, used by this thread alone.
    let connection = unsafe { ex_data::connection_ref(ssl) };
    let displaced = connection.map_or(ptr::null_mut(), |connection| connection.displaced.0.load(Relaxed));
    // SAFETY: what is not null was put there by `listen`, as a callback of this type.
    let own = unsafe { mem::transmute::<*mut c_void, Option<ffi::InfoCallback>>(displaced) };
    // SAFETY: a live connection and its context; the callback is called as OpenSSL would have called it.
    unsafe {
        if let Some(other) = own.or_else(|| ffi::SSL_CTX_get_info_callback(ffi::SSL_get_SSL_CTX(ssl))) {
            other(ssl, event, value);
        }
    }
    if let Some(connection) = connection
        && connection.is_taken()
    {
        // SAFETY: a live connection, used by this thread alone.
        let ssl = unsafe { SslRef::from_ptr(ssl.cast_mut()) };
        // nginx takes over the options of the context that it switches to.
        ssl::set_options_of_guest(ssl);
        guarded("info", (), || stays_or_ends(ssl, connection));
    }
    if event == ffi::SSL_CB_HANDSHAKE_START
        && let Some(connection) = connection
    {
        // SAFETY: a live connection, used by this thread alone.
        let ssl = unsafe { SslRef::from_ptr(ssl.cast_mut()) };
        guarded("info", (), || connection.begins_anew(ssl));
    }
    if event == ffi::SSL_CB_HANDSHAKE_DONE
        && let Some(connection) = connection
    {
        // SAFETY: a live connection.
        let ssl = unsafe { SslRef::from_ptr(ssl.cast_mut()) };
        guarded("info", (), || {
            // OpenSSL says so, too, when the handshake pauses for 0-RTT data, before the client's Finished.
            if ssl.state_string() != READS_EARLY_DATA {
                done(ssl, connection);
            }
        });
    }
}
