//! The client-hello hook: a handshake begins.

use std::sync::Arc;

use openssl::ssl::SslRef;
use reprise_session::vital::guarded;

use super::{
    Alert, ClientHello,
    connection::{Connection, Handled, Running, State, same},
    ex_data,
    site::Site,
};
use crate::{
    facts::{HelloResponse, Here, Turn},
    hello::{
        Ciphers, Hello, extension, made_up, psk_identities, psk_with_key_exchange, second, server_name, supports_tls13,
    },
    tls::ssl,
};

/// The hook that OpenSSL calls. Facts first, then the embedder's own callback, which may switch the context, then where the
/// connection belongs.
///
/// Gathering facts may fail: such a connection does not resume. Where the embedder's callback or the settling panics, it is
/// not known which site's settings the connection has, and the caller ends the handshake.
pub fn client_hello(ssl: &mut SslRef) -> Result<HelloResponse, Alert> {
    let Some(site) = Site::of(ssl) else { return Ok(HelloResponse::Continue) };
    // Where there is no memory for the connection's state, it has none, and so it misses.
    let connection = ex_data::of_or_new(ssl);
    if let Some(connection) = &connection {
        match guarded("client_hello", None, || Some(begin(ssl, &site, connection))) {
            Some(begun) => begun?,
            // What is known may be of the ClientHello before.
            None => connection.state.lock().forget(),
        }
    }
    let response = match &site.on_client_hello {
        Some(callback) => {
            let server_name = ssl::hello_extension(ssl, extension::SERVER_NAME).and_then(server_name);
            callback(&mut ClientHello::new(ssl, server_name.as_deref()))?
        }
        None => HelloResponse::Continue,
    };
    // Before a retry too: if the context switched to has no hook, this was the last invocation.
    let Some(connection) = connection else { return Ok(response) };
    let may_wait = response == HelloResponse::Continue;
    let settled = settle(ssl, &connection, may_wait)?;
    Ok(if may_wait { settled } else { response })
}

/// What an embedder calls first in a client-hello callback of its own, set with `SSL_CTX_set_client_hello_cb` over the
/// host's; and again after every `SSL_set_SSL_CTX` there, so that the connection belongs to the site it ends up at. A
/// connection that was switched without it does not resume.
///
/// It answers [`HelloResponse::Retry`] on connections that can wait for a store (`reprise::Host::handles_retry`) and nowhere else; the
/// callback then has to return `SSL_CLIENT_HELLO_RETRY`. One that goes on instead does not resume what the store has not
/// answered yet.
///
/// Passing the callback to [`Listener::on_client_hello`](super::Listener::on_client_hello) instead takes care of both.
///
/// # Errors
/// The handshake must not go on, and ends with this alert: the connection could not be given the settings of the site that it was
/// switched to, or the client answers a HelloRetryRequest with another ClientHello than it may (RFC 8446 section 4.1.2).
pub fn on_client_hello(ssl: &mut SslRef) -> Result<HelloResponse, Alert> {
    let (Some(site), Some(connection)) = (Site::of(ssl), ex_data::of_or_new(ssl)) else {
        return Ok(HelloResponse::Continue);
    };
    begin(ssl, &site, &connection)?;
    settle(ssl, &connection, true)
}

/// Takes the facts. Of a handshake that is known, by this ClientHello or the one before, it goes on with what is there.
fn begin(ssl: &SslRef, site: &Arc<Site>, connection: &Connection) -> Result<(), Alert> {
    let (seen, answers) = (connection.transcript.lock().last(), ssl::retry_requested(ssl));
    let mut state = connection.state.lock();
    // Called again after a retry, or by an embedder after a switch.
    if state.running.as_ref().is_some_and(|running| seen.is_some() && running.seen == seen) {
        return Ok(());
    }
    let hello = read_hello(ssl);
    let random: [u8; 32] = ssl::hello_random(ssl).try_into().unwrap_or_default();
    let State { running, handler, .. } = &mut *state;
    if let Some(running) = running.as_mut().filter(|_| answers) {
        refuse_changes(running, handler.as_ref(), connection, (&random, &hello))?;
        (running.turn, running.seen, running.hello) = (Turn::Second, seen, Arc::new(hello));
        // OpenSSL looks anew for the session that it resumes.
        running.handed = None;
        return Ok(());
    }
    // Nobody counts: the host's message callback was replaced. Where all is the same, so is the handshake.
    let same = |running: &Running| running.random == random && *running.hello == hello;
    if seen.is_none() && !state.complete && state.running.as_ref().is_some_and(same) {
        return Ok(());
    }
    state.handled_by(&site.handler);
    state.complete = false;
    state.announced = None;
    state.running = Some(Running {
        turn: Turn::First,
        seen,
        random,
        hello: Arc::new(hello),
        hooked: site.place.clone(),
        context: ssl::context(ssl),
        here: None,
        expected: None,
        context_options: ssl::context_options(ssl),
        refused_early_data: None,
        handed: None,
        stayed: false,
        cut: None,
    });
    Ok(())
}

/// The client has answered a HelloRetryRequest. What was looked up and judged stays, for everything that it rests on does, or the
/// handshake ends.
fn refuse_changes(
    running: &Running,
    handled: Option<&Handled>,
    connection: &Connection,
    answer: (&[u8; 32], &Hello),
) -> Result<(), Alert> {
    let ours = |identity: &[u8]| handled.is_some_and(|handled| handled.handler.recognises(identity));
    // Not all of it is known where the host sees no messages, or they are too long to be kept.
    let changed = match connection.transcript.lock().hellos() {
        Some((first, second)) => second::changed(first, second, ours),
        None => second::changed_facts((&running.random, &running.hello), answer),
    };
    let Some(changed) = changed else { return Ok(()) };
    tracing::debug!("a handshake ends: after a HelloRetryRequest the client changed {changed}");
    Err(Alert::ILLEGAL_PARAMETER)
}

/// Settles where the connection belongs, and sees that OpenSSL goes by it too: the settings of the context that it was
/// switched to, and a session-id context of its own. Then the handler hears of it, and may interrupt the handshake if `may_wait`.
fn settle(ssl: &SslRef, connection: &Connection, may_wait: bool) -> Result<HelloResponse, Alert> {
    let mut state = connection.state.lock();
    let State { running: Some(running), handler, peer, waker, .. } = &mut *state else {
        return Ok(HelloResponse::Continue);
    };
    let context = ssl::context(ssl);
    if context != running.context {
        if !ssl::follow_switch(ssl, running.context_options) {
            tracing::error!("a connection could not be given the settings of the site it was switched to");
            return Err(Alert::INTERNAL_ERROR);
        }
        running.context = context;
        running.context_options = ssl::context_options(ssl);
    }
    let Some(handled) = handler else { return Ok(HelloResponse::Continue) };
    // A context switched to on which this handler is not installed has no place.
    let site = Site::of(ssl).filter(|site| same(&site.handler, &handled.handler));
    running.here = site.and_then(|site| {
        let here = Here { place: site.place.clone(), verify_mode: ssl::verify_mode(ssl) };
        ssl::set_session_id_context(ssl, &site.session_id_context(here.verify_mode)).then_some(here)
    });
    let waker = waker.as_ref().filter(|_| may_wait);
    let transcript = connection.transcript.lock();
    let ahead = waker.map(|_| running.ahead(ssl, &transcript));
    let facts = running.facts(*peer, ahead);
    running.turn = Turn::Again;
    Ok(handled.handshakes.hello(&facts, waker))
}

/// Reads the ClientHello. For the client-hello callback only.
pub fn read_hello(ssl: &SslRef) -> Hello {
    let (identities, more_identities) =
        ssl::hello_extension(ssl, extension::PRE_SHARED_KEY).map(psk_identities).unwrap_or_default();
    let versions = ssl::hello_extension(ssl, extension::SUPPORTED_VERSIONS);
    let key_exchange_modes = ssl::hello_extension(ssl, extension::PSK_KEY_EXCHANGE_MODES);
    let session_id = ssl::hello_session_id(ssl);
    let ticket = ssl::hello_extension(ssl, extension::SESSION_TICKET);
    Hello {
        server_name: ssl::hello_extension(ssl, extension::SERVER_NAME).and_then(server_name),
        session_id: session_id.try_into().ok(),
        made_up_session_id: made_up(session_id, versions, || ticket),
        ticket: ticket.is_some_and(|ticket| !ticket.is_empty()),
        identities,
        more_identities,
        supports_tls13: versions.is_some_and(supports_tls13),
        psk_with_key_exchange: key_exchange_modes.is_some_and(psk_with_key_exchange),
        early_data: ssl::hello_extension(ssl, extension::EARLY_DATA).is_some(),
        extended_master_secret: ssl::hello_extension(ssl, extension::EXTENDED_MASTER_SECRET).is_some(),
        ciphers: Ciphers::from_slice(ssl::hello_ciphers(ssl)),
    }
}
