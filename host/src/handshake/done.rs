//! A handshake is complete, and is counted.

use openssl::ssl::SslRef;

use super::{Connection, report};
use crate::callbacks::tls;

/// Counts the handshake that OpenSSL has just completed, once.
pub fn done(ssl: &SslRef, connection: &Connection) {
    let mut state = connection.state.lock();
    if std::mem::replace(&mut state.counted, true) {
        return;
    }
    // It may refer to what the connection is a part of.
    state.waker = None;
    let version = tls::version(ssl);
    match &state.handshake {
        Some(handshake) => {
            let Some(host) = handshake.host.upgrade() else { return };
            if tls::resumed(ssl) {
                let origin = Connection::resumed(ssl, handshake);
                let age = origin.map(|origin| handshake.facts.now.saturating_sub(origin.record.authenticated));
                host.handshakes.resumed(version, age);
            } else {
                host.handshakes.full(version, report::miss(ssl, handshake).as_ref());
            }
        }
        // The hook was missed. What it resumed, if it did, was nothing of ours.
        None => {
            let Some(host) = tls::site(ssl).and_then(|site| site.host.upgrade()) else { return };
            match &state.unhooked.0 {
                None if tls::resumed(ssl) => host.handshakes.resumed(version, None),
                miss => host.handshakes.full(version, miss.as_ref()),
            }
        }
    }
}
