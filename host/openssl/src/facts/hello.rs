//! A ClientHello was read.

use std::{net::IpAddr, sync::Arc};

use reprise_session::session::{Border, Epoch, RevocationLists};
use serde::{Deserialize, Serialize};

use super::{Suites, shared};
use crate::hello::{Hello, Proof};

/// A ClientHello, and where the connection belongs that it came on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HelloFacts<'a> {
    /// Which of the connection's ClientHellos it is.
    pub turn: Turn,
    /// What it says.
    #[serde(with = "shared")]
    pub hello: Arc<Hello>,
    /// The connection's peer, if it was told.
    pub peer: Option<IpAddr>,
    /// The context whose hook was called.
    #[serde(with = "shared")]
    pub hooked: Arc<Place>,
    /// Where the connection belongs; none where it was switched to a context that the handler is not installed on.
    pub here: Option<Here>,
    /// Where it belongs is not known yet, and is learned by this handshake.
    pub learns: bool,
    /// What a look-up needs that begins now; none where the handshake is not to be interrupted.
    #[serde(borrow)]
    pub ahead: Option<Ahead<'a>>,
}

/// What is known of a handshake before OpenSSL asks for a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead<'a> {
    /// Whether it will be one of TLS 1.3.
    pub tls13: bool,
    /// What the connection is able to.
    #[serde(borrow)]
    pub able: Able<'a>,
    /// By which a session's owner is known, in TLS 1.3.
    #[serde(borrow)]
    pub proof: Option<Proof<'a>>,
}

/// What a connection is able to, by its context and what was set on itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Able<'a> {
    /// The cipher suites enabled.
    #[serde(borrow)]
    pub ciphers: Suites<'a>,
    /// Whether OpenSSL takes part in extended master secrets (RFC 7627).
    pub extended_master_secret: bool,
    /// Whether 0-RTT data would be accepted (`SSL_get_max_early_data`).
    pub early_data: bool,
}

/// Which of the connection's ClientHellos one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// It begins a handshake.
    First,
    /// The one that was read last, looked at again: after a retry, or a switch of the context.
    Again,
    /// It answers a HelloRetryRequest. It is the first but for what may change (RFC 8446 section 4.1.2).
    Second,
}

/// Where a connection belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// The context it has.
    #[serde(with = "shared")]
    pub place: Arc<Place>,
    /// `SSL_get_verify_mode`
    pub verify_mode: i32,
}

impl Here {
    /// The border around sessions that are made here under this name.
    pub fn border(&self, server_name: Option<String>) -> Border {
        let Place { listener, site, epoch, .. } = &*self.place;
        let (listener, site) = (listener.clone(), site.clone());
        Border { server_name, listener, site, verify_mode: self.verify_mode, epoch: *epoch }
    }
}

/// What is said of a context when a handler is installed on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The listener's name.
    pub listener: String,
    /// The site's name.
    pub site: String,
    /// The epoch of the TLS configuration.
    pub epoch: Epoch,
    /// The revocation lists that clients are verified against.
    pub revocation_lists: RevocationLists,
}

/// What the handshake does after a client-hello callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelloResponse {
    /// It goes on (`SSL_CLIENT_HELLO_SUCCESS`).
    Continue,
    /// It returns with `SSL_ERROR_WANT_CLIENT_HELLO_CB`, and the callback is called again when it is taken up
    /// (`SSL_CLIENT_HELLO_RETRY`).
    Retry,
}
