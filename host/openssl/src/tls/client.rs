//! What rust-openssl lacks for clients.

use std::{
    ffi::{c_int, c_ulong},
    ptr, slice,
};

use foreign_types::ForeignTypeRef;
use openssl::{
    error::ErrorStack,
    ssl::{SslRef, SslSessionRef},
};

use crate::ffi;

/// Has `ssl` offer `session`, which must be one that its own context was given.
pub fn offer(ssl: &mut SslRef, session: &SslSessionRef) -> Result<(), ErrorStack> {
    // SAFETY: both are alive. OpenSSL takes a reference of its own to the session. rust-openssl wants a session of the same context,
    // for what callbacks hang on it; the one caller compares contexts.
    match unsafe { ffi::SSL_set_session(ssl.as_ptr(), session.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// A copy of the session's ticket.
pub fn ticket(session: &SslSessionRef) -> Option<Vec<u8>> {
    let (mut ticket, mut length) = (ptr::null(), 0);
    // SAFETY: the session is alive, and what is written to is ours. What it points to is the session's, which is borrowed here.
    unsafe {
        ffi::SSL_SESSION_get0_ticket(session.as_ptr(), &raw mut ticket, &raw mut length);
        (!ticket.is_null() && length > 0).then(|| slice::from_raw_parts(ticket, length).to_vec())
    }
}

/// Seconds, 0 for none.
pub fn lifetime_hint(session: &SslSessionRef) -> u64 {
    // SAFETY: the session is alive.
    let seconds: c_ulong = unsafe { ffi::SSL_SESSION_get_ticket_lifetime_hint(session.as_ptr()) };
    seconds
}

/// Whether the client has signed in this handshake with the key of its certificate: the server has asked for that.
pub fn has_signed(ssl: &SslRef) -> bool {
    let mut signature: c_int = 0;
    // SAFETY: the connection is alive, and what is written to is ours, and as large as the request writes.
    unsafe { ffi::SSL_ctrl(ssl.as_ptr(), ffi::SSL_CTRL_GET_SIGNATURE_NID, 0, (&raw mut signature).cast()) == 1 }
}

/// Whether the server has accepted the 0-RTT data of this connection.
pub fn early_data_accepted(ssl: &SslRef) -> bool {
    // SAFETY: the connection is alive, and read only.
    unsafe { ffi::SSL_get_early_data_status(ssl.as_ptr()) == ffi::SSL_EARLY_DATA_ACCEPTED }
}
