//! The C functions that OpenSSL calls. Each turns pointers into references, calls the safe code that decides, and lets no
//! panic out: a session callback that panicked is a miss, and the handshake goes on in full. A client-hello callback that
//! panicked ends the handshake.

use std::{
    cell::RefCell,
    ffi::{c_int, c_uchar, c_uint, c_void},
    ptr, slice,
    sync::atomic::Ordering,
};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::ssl::{SslRef, SslSessionRef};
use reprise_session::{session::SessionId, vital::guarded};

use super::{Alert, client_hello, connection, done, ex_data, offer, session as made, site::NONCE};
use crate::{
    facts::{Circumstances, HelloResponse, Users},
    ffi, tls,
};

/// `SSL_CTX_sess_set_new_cb`: a session was made. Always answers 0: no reference is kept.
pub(crate) unsafe extern "C" fn new_session(ssl: *mut ffi::SSL, session: *mut ffi::SSL_SESSION) -> c_int {
    // SAFETY: OpenSSL passes a live connection and its live session.
    if let Some(kept) = unsafe { new_session_of_client(ssl, session) } {
        return kept;
    }
    guarded("new_session", (), || {
        // SAFETY: OpenSSL passes a live connection and its live session, for the duration of the call.
        let (ssl, session) = unsafe { (SslRef::from_ptr(ssl), SslSessionRef::from_ptr(session)) };
        made::keep(ssl, session);
    });
    0
}

/// A program that knows nothing of us has made a session as a client, by a context that it serves by, too: what its own callback says.
///
/// SAFETY: `ssl` and `session` must be live, and this thread's.
unsafe fn new_session_of_client(ssl: *mut ffi::SSL, session: *mut ffi::SSL_SESSION) -> Option<c_int> {
    // SAFETY: by this function's contract; what was displaced was put there as a callback of this type.
    unsafe {
        if ffi::SSL_is_server(ssl) == 1 {
            return None;
        }
        let site = ex_data::site(ffi::SSL_get_SSL_CTX(ssl)).filter(|site| site.is_guest)?;
        let displaced = site.displaced_new.load(Ordering::Relaxed);
        let own = std::mem::transmute::<*mut c_void, Option<ffi::NewCallback>>(displaced);
        Some(own.map_or(0, |own| own(ssl, session)))
    }
}

/// `SSL_CTX_sess_set_get_cb`: a client offers a session. Answers a fresh object of its own, or null.
pub(crate) unsafe extern "C" fn get_session(
    ssl: *mut ffi::SSL,
    id: *const c_uchar,
    length: c_int,
    copy: *mut c_int,
) -> *mut ffi::SSL_SESSION {
    // SAFETY: OpenSSL passes a valid pointer; 1 on entry means that it would take a reference of its own.
    unsafe { *copy = 0 };
    let Ok(length) = usize::try_from(length) else { return ptr::null_mut() };
    let found = guarded("get_session", None, || {
        // SAFETY: OpenSSL passes a live connection, and `length` bytes, for the duration of the call.
        let (ssl, id) = unsafe { (SslRef::from_ptr(ssl), slice::from_raw_parts(id, length)) };
        offer::look_up(ssl, id)
    });
    match found {
        Some(session) => {
            let pointer = session.as_ptr();
            // Its one reference goes to OpenSSL.
            std::mem::forget(session);
            pointer
        }
        None => ptr::null_mut(),
    }
}

/// `SSL_CTX_sess_set_remove_cb`: OpenSSL gives a session up, maybe under the context's lock. Only queues.
pub(crate) unsafe extern "C" fn remove_session(context: *mut ffi::SSL_CTX, session: *mut ffi::SSL_SESSION) {
    guarded("remove_session", (), || {
        // SAFETY: OpenSSL passes a live context and a live session. Reading the id and the thread's error queue takes no lock.
        let (site, session) = unsafe { (ex_data::site(context), SslSessionRef::from_ptr(session)) };
        let Some(site) = site else { return };
        if site.is_guest && !site.handler.recognises(session.id()) {
            // SAFETY: what was displaced was put there as a callback of this type, and is called as OpenSSL would have called it.
            unsafe {
                let displaced = site.displaced_remove.load(Ordering::Relaxed);
                if let Some(own) = std::mem::transmute::<*mut c_void, Option<ffi::RemoveCallback>>(displaced) {
                    own(context, session.as_ptr());
                }
            }
            return;
        }
        let freed = JUST_FREED.take().iter().any(|freed| freed.as_bytes() == session.id());
        // SAFETY: reads this thread's error queue.
        let error = unsafe { ffi::ERR_peek_last_error() };
        let unexpected_eof = ffi::ERR_GET_REASON(error) == ffi::SSL_R_UNEXPECTED_EOF_WHILE_READING;
        let circumstances = Circumstances { users: Users::None, freed, error: error != 0, unexpected_eof };
        done::given_up(&site, session, circumstances);
    });
}

/// `SSL_CTX_set_client_hello_cb`: the ClientHello was read.
pub(super) unsafe extern "C" fn client_hello(ssl: *mut ffi::SSL, alert: *mut c_int, _: *mut c_void) -> c_int {
    // SAFETY: OpenSSL passes a live connection, used by this thread alone.
    let ssl = unsafe { SslRef::from_ptr_mut(ssl) };
    match guarded("client_hello", Err(Alert::INTERNAL_ERROR), || client_hello::client_hello(ssl)) {
        Ok(HelloResponse::Continue) => ffi::SSL_CLIENT_HELLO_SUCCESS,
        Ok(HelloResponse::Retry) => ffi::SSL_CLIENT_HELLO_RETRY,
        Err(description) => {
            // SAFETY: OpenSSL passes a valid pointer.
            unsafe { *alert = c_int::from(description.0) };
            ffi::SSL_CLIENT_HELLO_ERROR
        }
    }
}

/// `SSL_CTX_set_allow_early_data_cb`: OpenSSL would accept 0-RTT data. A second bolt, behind the connection's bound: an
/// embedder may have set that since.
pub(super) unsafe extern "C" fn allow_early_data(ssl: *mut ffi::SSL, _: *mut c_void) -> c_int {
    guarded("allow_early_data", 0, || {
        // SAFETY: OpenSSL passes a live connection, used by this thread alone.
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        c_int::from(connection::allows_early_data(ssl))
    })
}

/// `SSL_CTX_set_generate_session_id`: a session gets its id. A failure here fails the handshake, so that without a
/// handler the id is plain random bytes, which none will recognise.
pub(crate) unsafe extern "C" fn generate_session_id(
    ssl: *const ffi::SSL,
    id: *mut c_uchar,
    length: *mut c_uint,
) -> c_int {
    let mut nonce = [0; NONCE];
    let mut random = [0; 32];
    if openssl::rand::rand_bytes(&mut random).is_err() {
        return 0;
    }
    nonce.copy_from_slice(&random[..NONCE]);
    let made = guarded("generate_session_id", None, || {
        // SAFETY: OpenSSL passes a live connection.
        let ssl = unsafe { SslRef::from_ptr(ssl.cast_mut()) };
        made::new_id(ssl, nonce)
    });
    let made = made.unwrap_or(SessionId::from(random));
    // SAFETY: OpenSSL passes room for `*length` bytes, SSL_MAX_SSL_SESSION_ID_LENGTH of them.
    unsafe {
        let room = usize::try_from(*length).unwrap_or(0).min(32);
        ptr::copy_nonoverlapping(made.as_bytes().as_ptr(), id, room);
        *length = room as c_uint;
    }
    1
}

/// The generate callback of `SSL_CTX_set_session_ticket_cb`: a ticket is about to be written, the session has its id.
/// Always answers 1: 0 ends the handshake. After a panic it is not known whether the session is kept, and so it is not.
pub(super) unsafe extern "C" fn generate_ticket(ssl: *mut ffi::SSL, _: *mut c_void) -> c_int {
    // SAFETY: OpenSSL passes a live connection, used by this thread alone.
    let ssl = unsafe { SslRef::from_ptr(ssl) };
    if !guarded("generate_ticket", false, || made::announce(ssl)) {
        tls::ssl::withhold_ticket(ssl);
    }
    1
}

/// `SSL_CTX_set_tlsext_ticket_key_evp_cb`: OpenSSL wants a key for a stateless ticket. There is none, ever: the ticket is left out, and
/// one that is offered is not decrypted.
pub(super) unsafe extern "C" fn ticket_key(
    ssl: *mut ffi::SSL,
    _name: *mut c_uchar,
    _iv: *mut c_uchar,
    _cipher: *mut ffi::EVP_CIPHER_CTX,
    _mac: *mut c_void,
    encrypts: c_int,
) -> c_int {
    if encrypts == 1 {
        // SAFETY: OpenSSL passes a live connection, used by this thread alone.
        tls::ssl::make_stateful(unsafe { SslRef::from_ptr(ssl) });
    }
    0
}

thread_local! {
    /// The sessions of the connection that this thread is freeing, whose session OpenSSL gives up next.
    static JUST_FREED: RefCell<Vec<SessionId>> = const { RefCell::new(Vec::new()) };
}

/// A connection is being freed, and OpenSSL will give up its session, one of these. None if it will not.
pub fn just_freed(ids: Vec<SessionId>) {
    // The thread may be ending; then nobody asks any more.
    let _ = JUST_FREED.try_with(|freed| freed.replace(ids));
}
