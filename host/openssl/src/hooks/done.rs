//! The end of a handshake, and of a session.

use openssl::ssl::{SslRef, SslSessionRef};
use reprise_session::session::SessionId;

use super::{connection::Connection, live, site::Site};
use crate::{
    facts::{Circumstances, Observed, Outcome, TLS13},
    tls::ssl,
};

/// OpenSSL has just completed a handshake. The handler hears of each once.
pub fn done(ssl: &SslRef, connection: &Connection) {
    if let Some(offered) = connection.guest.observed() {
        // A second handshake on it is none of ours.
        connection.guest.leave();
        let Outcome { version, resumed, .. } = ssl::outcome(ssl);
        if let Some(site) = Site::of(ssl) {
            site.handler.observed(Observed { tls13: version == TLS13, offered, resumed });
        }
        return;
    }
    let mut state = connection.state.lock();
    if std::mem::replace(&mut state.complete, true) {
        return;
    }
    // It may refer to what the connection is a part of.
    state.waker = None;
    let outcome = ssl::outcome(ssl);
    if let Some(handshakes) = state.handshakes(ssl) {
        handshakes.done(&outcome);
    }
}

/// remove_cb: OpenSSL gives a session up, maybe under the context's lock.
pub fn given_up(site: &Site, session: &SslSessionRef, mut circumstances: Circumstances) {
    let Ok(id) = SessionId::try_from(session.id()) else { return };
    // A connection being freed has left the table, and who is there is another one, at work on its own thread.
    if !circumstances.freed
        && let Some(live) = live::table().get()
    {
        circumstances.users = live.users(&id);
    }
    site.handler.given_up(id, circumstances);
}
