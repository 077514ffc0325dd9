//! What an embedder says about one `SSL_CTX`.

use std::{
    ffi::c_void,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicPtr},
    },
};

use foreign_types::ForeignTypeRef;
use openssl::{
    error::ErrorStack,
    ssl::{SslContextRef, SslRef},
    x509::{X509Crl, verify::X509VerifyFlags},
};
use reprise_session::session::{Epoch, RevocationLists, session_id_context};

use super::{
    ex_data,
    places::{Places, Settled},
};
use crate::{
    facts::{HelloResponse, Place},
    ffi,
    handler::Handler,
    tls::{certificate, ssl},
};

/// The length of the part of a session id that an id generator may fill.
pub const NONCE: usize = 16;

type OnClientHello = dyn Fn(&mut ClientHello<'_>) -> Result<HelloResponse, Alert> + Send + Sync;
type IdNonce = dyn Fn(&mut [u8; NONCE]) + Send + Sync;

/// What an embedder says about a context that it installs the host on.
///
/// Contexts that connections are switched between (one per site, chosen by server name) get the same listener name, each
/// its own site name, and the same client-hello callback.
pub struct Listener {
    pub(super) name: String,
    pub(super) site: String,
    pub(super) epoch: Epoch,
    pub(super) revocation_lists: RevocationLists,
    pub(super) on_client_hello: Option<Box<OnClientHello>>,
    pub(super) id_nonce: Option<Box<IdNonce>>,
}

impl Listener {
    /// A listener of this name, with one site (named `default`), an epoch that never changes, no callbacks of its own.
    /// Sessions of one listener never resume at another.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            site: "default".into(),
            epoch: Epoch::default(),
            revocation_lists: RevocationLists::default(),
            on_client_hello: None,
            id_nonce: None,
        }
    }

    /// The name of the site that this context serves. Sessions of one site never resume at another.
    pub fn site(mut self, name: impl Into<String>) -> Self {
        self.site = name.into();
        self
    }

    /// The epoch of this context's TLS configuration. Sessions of one epoch never resume under another, so that a cipher
    /// disabled or a CA removed takes effect on resumption too, which OpenSSL does not see to.
    pub fn epoch(mut self, epoch: Epoch) -> Self {
        self.epoch = epoch;
        self
    }

    /// The certificate revocation lists that this context verifies clients against, and the flags that say which
    /// certificates are looked up in them, as they were given to its store. A session with a client certificate does
    /// not resume while a list that a full handshake needs is past its nextUpdate: OpenSSL refuses that one, and a
    /// resumption verifies nothing. Install the host on a new context for new lists.
    pub fn revocation_lists(mut self, lists: &[X509Crl], flags: X509VerifyFlags) -> Self {
        let lists = lists.iter().map(|list| certificate::revocation_list(list)).collect();
        self.revocation_lists = RevocationLists { lists, whole_chain: flags.contains(X509VerifyFlags::CRL_CHECK_ALL) };
        self
    }

    /// The embedder's own client-hello callback (`SSL_CTX_set_client_hello_cb`, which the host takes). It runs after the host
    /// has read the ClientHello and before it settles where the connection belongs, so this is the place to choose a site
    /// with [`ClientHello::switch_to`]. It runs again after a HelloRetryRequest and after a retry, on the context that the
    /// connection has then.
    pub fn on_client_hello(
        mut self,
        callback: impl Fn(&mut ClientHello<'_>) -> Result<HelloResponse, Alert> + Send + Sync + 'static,
    ) -> Self {
        self.on_client_hello = Some(Box::new(callback));
        self
    }

    /// The embedder's own id generator (`SSL_CTX_set_generate_session_id`, which the host takes). It is given 16 random bytes
    /// and may overwrite some of them, with a node's number for instance; the other half of the id is the keyed part. Two
    /// sessions with the same 16 bytes replace each other: leave at least 8 of them random.
    pub fn id_nonce(mut self, generator: impl Fn(&mut [u8; NONCE]) + Send + Sync + 'static) -> Self {
        self.id_nonce = Some(Box::new(generator));
        self
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("name", &self.name)
            .field("site", &self.site)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// What hangs on an `SSL_CTX`: where it is, and the handler behind it.
pub struct Site {
    pub(crate) handler: Arc<dyn Handler>,
    pub(super) place: Arc<Place>,
    pub(super) on_client_hello: Option<Box<OnClientHello>>,
    pub(super) id_nonce: Option<Box<IdNonce>>,
    /// The context is a program's that knows nothing of us.
    pub(crate) is_guest: bool,
    pub(crate) places: Places,
    /// The new-session callback of such a program, which its connections to others still have.
    pub(crate) displaced_new: AtomicPtr<c_void>,
    /// Its remove-session callback, which hears of sessions that are not ours.
    pub(crate) displaced_remove: AtomicPtr<c_void>,
    /// Its get-session callback, and its cache mode: nobody has them until they are given back.
    pub(crate) displaced_get: AtomicPtr<c_void>,
    pub(crate) displaced_mode: AtomicI64,
    /// What was done with the context is told.
    pub(crate) is_noted: AtomicBool,
    /// The session-id context of the verify mode seen first, which is that of nearly every connection here.
    session_id_context: OnceLock<(i32, [u8; 32])>,
}

impl Site {
    pub(crate) fn new(handler: Arc<dyn Handler>, listener: Listener) -> Self {
        let Listener { name, site, epoch, revocation_lists, on_client_hello, id_nonce } = listener;
        let place = Arc::new(Place { listener: name, site, epoch, revocation_lists });
        Self {
            handler,
            place,
            on_client_hello,
            id_nonce,
            is_guest: false,
            places: Places::default(),
            displaced_new: AtomicPtr::default(),
            displaced_remove: AtomicPtr::default(),
            displaced_get: AtomicPtr::default(),
            displaced_mode: AtomicI64::default(),
            is_noted: AtomicBool::default(),
            session_id_context: OnceLock::new(),
        }
    }

    /// That of a context of a program that knows nothing of us.
    pub(crate) fn of_guest(handler: Arc<dyn Handler>) -> Self {
        Self { is_guest: true, ..Self::new(handler, Listener::named(String::new())) }
    }

    /// The site on the context that the connection has now; none if no handler was installed on that context.
    pub(super) fn of(ssl: &SslRef) -> Option<Arc<Self>> {
        // SAFETY: a live connection, which keeps its context alive.
        unsafe { ex_data::site(ffi::SSL_get_SSL_CTX(ssl.as_ptr())) }
    }

    /// The place of a connection's context as it is now, in a program that knows nothing of us.
    pub(crate) fn place_now(&self, ssl: &SslRef, listener: &str) -> Settled {
        // SAFETY: a live connection, which keeps its context alive.
        unsafe { self.places.at(ffi::SSL_get_SSL_CTX(ssl.as_ptr()), listener, ssl::verify_mode(ssl)) }
    }

    /// The session-id context of connections here with this verify mode
    /// ([`Border::session_id_context`](reprise_session::session::Border::session_id_context)).
    pub(super) fn session_id_context(&self, verify_mode: i32) -> [u8; 32] {
        let Place { listener, site, epoch, .. } = &*self.place;
        let context = || (verify_mode, session_id_context(listener, site, verify_mode, epoch));
        match self.session_id_context.get_or_init(context) {
            (known, context) if *known == verify_mode => *context,
            _ => context().1,
        }
    }
}

/// The connection whose ClientHello has just been read, as an embedder's callback is given it.
#[derive(Debug)]
pub struct ClientHello<'a> {
    ssl: &'a mut SslRef,
    server_name: Option<&'a str>,
}

impl<'a> ClientHello<'a> {
    pub(super) fn new(ssl: &'a mut SslRef, server_name: Option<&'a str>) -> Self {
        Self { ssl, server_name }
    }

    /// The server name asked for (SNI, RFC 6066 section 3), in the spelling of
    /// [`ServerName::of_client`](reprise_session::session::ServerName::of_client). `SslRef::servername` does not have it yet.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name
    }

    /// The connection.
    pub fn ssl(&mut self) -> &mut SslRef {
        self.ssl
    }

    /// Switches the connection to another context (`SSL_set_SSL_CTX`) on which the host is installed too. The host applies
    /// what that function leaves behind: verify mode and parameters, options, protocol versions, tickets, early data.
    ///
    /// # Errors
    /// OpenSSL is out of memory.
    pub fn switch_to(&mut self, context: &SslContextRef) -> Result<(), ErrorStack> {
        self.ssl.set_ssl_context(context)
    }
}

/// The fatal alert with which a client-hello callback ends a handshake: an AlertDescription of RFC 8446 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(pub u8);

impl Alert {
    /// `handshake_failure`
    pub const HANDSHAKE_FAILURE: Alert = Alert(40);
    /// `illegal_parameter`
    pub const ILLEGAL_PARAMETER: Alert = Alert(47);
    /// `access_denied`
    pub const ACCESS_DENIED: Alert = Alert(49);
    /// `internal_error`
    pub const INTERNAL_ERROR: Alert = Alert(80);
    /// `unrecognized_name` (RFC 6066 section 3)
    pub const UNRECOGNIZED_NAME: Alert = Alert(112);
}
