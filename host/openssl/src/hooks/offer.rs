//! get_cb: a client offers a session.

use openssl::ssl::{SslRef, SslSession};

use super::{
    connection::{Handed, State},
    ex_data,
};
use crate::{
    facts::{OfferFacts, Resumed, Stored},
    handler::Handshakes,
    tls::{
        prototype::{self, prototype},
        sessions, ssl,
    },
};

/// The session offered as `offered`, fresh, if it resumes here; else a full handshake.
pub fn look_up(ssl: &SslRef, offered: &[u8]) -> Option<SslSession> {
    let connection = ex_data::of_or_new(ssl)?;
    let mut state = connection.state.lock();
    let transcript = connection.transcript.lock();
    let facts = OfferFacts {
        id: offered,
        version: ssl::version(ssl),
        switched: state.switched(ssl),
        able: ssl::able(ssl),
        proof: transcript.proof(),
    };
    let waker = state.waker.clone();
    let handshakes = state.handshakes(ssl)?;
    let resumed = handshakes.offered(&facts, waker.as_ref())?;
    drop(transcript);
    let Some(session) = fresh(&resumed, handshakes) else {
        handshakes.unusable();
        return None;
    };
    let id = resumed.id;
    hand(ssl, &mut state, resumed);
    connection.enter(&mut state, id);
    Some(session)
}

/// A session that OpenSSL may have: its own timeout ends when its lifetime does, its time is as it was.
fn fresh(resumed: &Resumed, handshakes: &mut dyn Handshakes) -> Option<SslSession> {
    let session = match &resumed.session {
        Stored::Decoded(session) => prototype::duplicate(session)?,
        Stored::Der(der) => {
            let session = sessions::decode(&resumed.id, der)?;
            if resumed.decoded_wanted {
                let kept = prototype(session);
                let session = prototype::duplicate(&kept)?;
                handshakes.decoded(kept);
                session
            } else {
                session
            }
        }
    };
    let expires = i64::try_from(resumed.expires).unwrap_or(i64::MAX);
    sessions::set_timeout(&session, expires.saturating_sub(sessions::time(&session)).max(1));
    // Before it resumes anything, OpenSSL finds out that the secret is another, and ends the handshake.
    if resumed.ends && sessions::spoil(&session).is_err() {
        return None;
    }
    Some(session)
}

fn hand(ssl: &SslRef, state: &mut State, resumed: Resumed) {
    let Some(running) = state.running.as_mut().filter(|_| !resumed.ends) else { return };
    if !resumed.early_data && ssl::early_data_enabled(ssl) {
        running.refused_early_data = Some(ssl::refuse_early_data(ssl));
    }
    running.handed =
        Some(Handed { early_data: resumed.early_data, certificate: resumed.certificate, renewal: resumed.renewal });
}
