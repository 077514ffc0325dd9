//! Registering the callbacks on a context.

use std::sync::Arc;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{SslContextBuilder, SslContextRef};

use super::{Listener, ex_data, message, site::Site, trampolines};
use crate::{ffi, handler::Handler, tls::ssl::OPTIONS};

/// What of a context is set when a handler is installed on it, beside the callbacks.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Seconds: the context's timeout (`SSL_CTX_set_timeout`).
    pub timeout: u64,
    /// TLS 1.3 tickets for each full handshake (`SSL_CTX_set_num_tickets`).
    pub tickets: usize,
}

/// Why the host was not installed on a context. The context is as it was.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Some of the three session callbacks are set already.
    #[error(
        "the context already has session callbacks ({0}); expected none, because OpenSSL has one of each: do not set them \
         before installing the host, and install it once on each context"
    )]
    SessionCallbacks(SessionCallbacks),
    /// The context is for DTLS.
    #[error("the context is for DTLS; expected one for TLS, made with SslMethod::tls() or tls_server()")]
    Dtls,
    /// The context's method is a client's.
    #[error("the context's method is a client's; expected a server's, SslMethod::tls() or tls_server()")]
    Client,
    /// OpenSSL refused.
    #[error("OpenSSL did not take the callbacks: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
}

/// Whose a session callback is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It is Reprise's.
    Reprise,
    /// It is somebody else's.
    Other,
}

/// Which of the three session callbacks are set on a context, and whose they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCallbacks {
    /// `SSL_CTX_sess_get_new_cb`
    pub new: Option<Owner>,
    /// `SSL_CTX_sess_get_get_cb`
    pub get: Option<Owner>,
    /// `SSL_CTX_sess_get_remove_cb`
    pub remove: Option<Owner>,
}

impl std::fmt::Display for SessionCallbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = [("new", self.new), ("get", self.get), ("remove", self.remove)];
        let mut separator = "";
        for (name, owner) in set {
            let Some(owner) = owner else { continue };
            let owner = if owner == Owner::Reprise { "Reprise's" } else { "another's" };
            write!(f, "{separator}{name}: {owner}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Which of the three session callbacks are set on `context`, and whose they are: after `reprise::Host::install` all three
/// are Reprise's, until somebody sets one over them.
pub fn session_callbacks(context: &SslContextRef) -> SessionCallbacks {
    // SAFETY: a live context; plain field reads.
    unsafe { callbacks_of(context.as_ptr()) }
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn callbacks_of(context: *mut ffi::SSL_CTX) -> SessionCallbacks {
    let owner = |ours: bool| if ours { Owner::Reprise } else { Owner::Other };
    // SAFETY: by this function's contract.
    let (new, get, remove) = unsafe {
        (
            ffi::SSL_CTX_sess_get_new_cb(context),
            ffi::SSL_CTX_sess_get_get_cb(context),
            ffi::SSL_CTX_sess_get_remove_cb(context),
        )
    };
    SessionCallbacks {
        new: new.map(|set| owner(std::ptr::fn_addr_eq(set, trampolines::new_session as ffi::NewCallback))),
        get: get.map(|set| owner(std::ptr::fn_addr_eq(set, trampolines::get_session as ffi::GetCallback))),
        remove: remove.map(|set| owner(std::ptr::fn_addr_eq(set, trampolines::remove_session as ffi::RemoveCallback))),
    }
}

/// Has a handler stand behind the callbacks of a context, for as long as there is the context.
///
/// # Errors
/// The context has session callbacks already, is for DTLS, or is a client's. It is then as it was.
pub fn install(
    handler: &Arc<dyn Handler>,
    context: &mut SslContextBuilder,
    listener: Listener,
    settings: Settings,
) -> Result<(), InstallError> {
    let context = context.as_ptr();
    // SAFETY: the builder owns a live context that nothing else uses yet.
    unsafe {
        let set = callbacks_of(context);
        if set != SessionCallbacks::default() {
            return Err(InstallError::SessionCallbacks(set));
        }
        check_method(context)?;
        if !ex_data::set_site(context, Arc::new(Site::new(handler.clone(), listener))) {
            return Err(openssl::error::ErrorStack::get().into());
        }
        register(context, settings);
    }
    Ok(())
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn check_method(context: *mut ffi::SSL_CTX) -> Result<(), InstallError> {
    // SAFETY: by this function's contract; the connection is made for these two questions and freed.
    unsafe {
        let ssl = ffi::SSL_new(context);
        if ssl.is_null() {
            return Err(openssl::error::ErrorStack::get().into());
        }
        let (dtls, server) = (ffi::SSL_is_dtls(ssl) == 1, ffi::SSL_is_server(ssl) == 1);
        ffi::SSL_free(ssl);
        match (dtls, server) {
            (true, _) => Err(InstallError::Dtls),
            (false, false) => Err(InstallError::Client),
            (false, true) => Ok(()),
        }
    }
}

/// SAFETY: `context` must be a live `SSL_CTX` that no other thread uses.
unsafe fn register(context: *mut ffi::SSL_CTX, settings: Settings) {
    let cache = ffi::SSL_SESS_CACHE_SERVER | ffi::SSL_SESS_CACHE_NO_INTERNAL | ffi::SSL_SESS_CACHE_NO_AUTO_CLEAR;
    let timeout = i64::try_from(settings.timeout).unwrap_or(i64::MAX);
    // SAFETY: by this function's contract; the callbacks have the documented signatures and live as long as the program.
    unsafe {
        ffi::SSL_CTX_set_options(context, OPTIONS);
        ffi::SSL_CTX_set_session_cache_mode(context, cache);
        ffi::SSL_CTX_set_timeout(context, timeout as _);
        ffi::SSL_CTX_set_num_tickets(context, settings.tickets);
        ffi::SSL_CTX_sess_set_new_cb(context, Some(trampolines::new_session));
        ffi::SSL_CTX_sess_set_get_cb(context, Some(trampolines::get_session));
        ffi::SSL_CTX_sess_set_remove_cb(context, Some(trampolines::remove_session));
        ffi::SSL_CTX_set_client_hello_cb(context, Some(trampolines::client_hello), std::ptr::null_mut());
        ffi::SSL_CTX_set_generate_session_id(context, Some(trampolines::generate_session_id));
        ffi::SSL_CTX_set_session_ticket_cb(context, Some(trampolines::generate_ticket), None, std::ptr::null_mut());
        ffi::SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Some(trampolines::ticket_key));
        ffi::SSL_CTX_set_allow_early_data_cb(context, Some(trampolines::allow_early_data), std::ptr::null_mut());
        ffi::SSL_CTX_set_msg_callback(context, Some(message::message));
    }
}
