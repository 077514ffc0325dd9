//! The client-hello hook: a handshake begins.

use std::sync::Arc;

use openssl::ssl::SslRef;
use reprise_policy::policy::{Budget, Chain, wit::types};
use reprise_session::{
    session::{Border, Miss},
    vital::guarded,
};

use super::{Connection, Handshake, Kept, ahead, hello::Hello, in_text, second_hello, transcript::Seen};
use crate::callbacks::{Alert, ClientHello, HelloResponse, Site, tls};

/// The hook that OpenSSL calls. Facts first, then the embedder's own callback, which may switch the context, then the border.
///
/// Gathering facts may fail: such a connection does not resume. Where the embedder's callback or the settling panics, it is
/// not known which site's settings the connection has, and the caller ends the handshake.
pub fn client_hello(ssl: &mut SslRef) -> Result<HelloResponse, Alert> {
    let Some(site) = tls::site(ssl) else { return Ok(HelloResponse::Continue) };
    // Where there is no memory for the connection's state, it has none, and so it misses.
    let connection = tls::connection_or_new(ssl);
    if let Some(connection) = &connection {
        match guarded("client_hello", None, || Some(begin(ssl, &site, connection))) {
            Some(begun) => begun?,
            // What is known may be of the ClientHello before.
            None => connection.state.lock().handshake = None,
        }
    }
    let response = match &site.on_client_hello {
        Some(callback) => {
            let server_name = tls::hello_extension(ssl, 0).and_then(super::hello::server_name);
            callback(&mut ClientHello::new(ssl, server_name.as_deref()))?
        }
        None => HelloResponse::Continue,
    };
    // Before a retry too: if the context switched to has no hook, this was the last invocation.
    let Some(connection) = connection else { return Ok(response) };
    settle(ssl, &connection)?;
    let waits = response == HelloResponse::Continue && ahead::waits(ssl, &connection);
    Ok(if waits { HelloResponse::Retry } else { response })
}

/// What an embedder calls first in a client-hello callback of its own, set with `SSL_CTX_set_client_hello_cb` over the
/// host's; and again after every `SSL_set_SSL_CTX` there, so that the connection belongs to the site it ends up at. A
/// connection that was switched without it does not resume.
///
/// It answers [`HelloResponse::Retry`] on connections that can wait for a store ([`crate::Host::handles_retry`]) and nowhere else; the
/// callback then has to return `SSL_CLIENT_HELLO_RETRY`. One that goes on instead does not resume what the store has not
/// answered yet.
///
/// Passing the callback to [`crate::Listener::on_client_hello`] instead takes care of both.
///
/// # Errors
/// The handshake must not go on, and ends with this alert: the connection could not be given the settings of the site that it was
/// switched to, or the client answers a HelloRetryRequest with another ClientHello than it may (RFC 8446 section 4.1.2).
pub fn on_client_hello(ssl: &mut SslRef) -> Result<HelloResponse, Alert> {
    let (Some(site), Some(connection)) = (tls::site(ssl), tls::connection_or_new(ssl)) else {
        return Ok(HelloResponse::Continue);
    };
    begin(ssl, &site, &connection)?;
    settle(ssl, &connection)?;
    Ok(if ahead::waits(ssl, &connection) { HelloResponse::Retry } else { HelloResponse::Continue })
}

/// Takes the facts, and the policies in force. Of a handshake that is known, by this ClientHello or the one before, it goes on with
/// what is there.
fn begin(ssl: &SslRef, site: &Arc<Site>, connection: &Connection) -> Result<(), Alert> {
    let (seen, second) = (connection.hello_seen(), tls::retry_requested(ssl));
    let mut state = connection.state.lock();
    // Called again after a retry, or by an embedder after a switch.
    if state.handshake.as_ref().is_some_and(|running| seen.is_some() && running.seen == seen) {
        return Ok(());
    }
    let hello = Hello::read(ssl);
    let random: [u8; 32] = tls::hello_random(ssl).try_into().unwrap_or_default();
    let counted = state.counted;
    if let Some(running) = &mut state.handshake {
        if second {
            return go_on(running, connection, seen, random, hello);
        }
        // Nobody counts: the host's message callback was replaced. Where all is the same, so is the handshake.
        if seen.is_none() && !counted && running.random == random && running.hello == hello {
            return Ok(());
        }
    }
    let host = site.host.upgrade();
    let policies = host.as_ref().map(|host| host.policies());
    let (policies, border) = match policies {
        None => (None, Err(Miss::HostGone)),
        Some(None) => (None, Err(Miss::Forked)),
        Some(policies) => (policies, Err(Miss::NoHook)),
    };
    let facts = types::Connection {
        server_name: hello.server_name.clone(),
        peer: state.peer.map(in_text),
        listener: site.listener.clone(),
        now: host.as_ref().map_or(0, |host| host.now()),
        early_data: hello.early_data,
        attributes: Vec::new(),
    };
    state.counted = false;
    state.handshake = Some(Handshake {
        host: site.host.clone(),
        seen,
        random,
        hello,
        policies,
        budget: Budget::new(host.map_or(std::time::Duration::ZERO, |host| host.limits.policy_budget)),
        facts,
        context: tls::context(ssl),
        border,
        context_options: tls::context_options(ssl),
        lookups: Vec::new(),
        store_until: None,
        refused_early_data: None,
        handed: None,
        kept: Kept::default(),
    });
    Ok(())
}

/// The client has answered a HelloRetryRequest. What was looked up and judged stays, for everything that it rests on does, or the
/// handshake ends.
fn go_on(
    running: &mut Handshake,
    connection: &Connection,
    seen: Option<Seen>,
    random: [u8; 32],
    hello: Hello,
) -> Result<(), Alert> {
    let host = running.host.upgrade();
    let ours = |identity: &[u8]| host.as_ref().is_some_and(|host| host.keyring.recognise(identity).is_some());
    // Not all of it is known where the host sees no messages, or they are too long to be kept.
    let changed = match connection.transcript.lock().hellos() {
        Some((first, second)) => second_hello::changed(first, second, ours),
        None => second_hello::changed_facts((&running.random, &running.hello), (&random, &hello)),
    };
    if let Some(changed) = changed {
        tracing::debug!("a handshake ends: after a HelloRetryRequest the client changed {changed}");
        return Err(Alert::ILLEGAL_PARAMETER);
    }
    running.seen = seen;
    // OpenSSL looks anew for the session that it resumes.
    running.handed = None;
    running.facts.server_name.clone_from(&hello.server_name);
    running.facts.early_data = hello.early_data;
    running.hello = hello;
    Ok(())
}

/// Settles where the connection belongs, and sees that OpenSSL goes by it too: the settings of the context that it was
/// switched to, and a session-id context of its own.
fn settle(ssl: &SslRef, connection: &Connection) -> Result<(), Alert> {
    let mut state = connection.state.lock();
    let Some(handshake) = state.handshake.as_mut() else { return Ok(()) };
    let context = tls::context(ssl);
    if context != handshake.context {
        if !tls::follow_switch(ssl, handshake.context_options) {
            tracing::error!("a connection could not be given the settings of the site it was switched to");
            return Err(Alert::INTERNAL_ERROR);
        }
        handshake.context = context;
        handshake.context_options = tls::context_options(ssl);
    }
    if matches!(handshake.border, Err(Miss::HostGone | Miss::Forked)) {
        return Ok(());
    }
    handshake.border = border(ssl, handshake);
    if let Ok(border) = &handshake.border {
        handshake.facts.listener.clone_from(&border.listener);
        handshake.facts.attributes = attributes(handshake.policies.as_deref(), border);
    }
    Ok(())
}

/// What policies ask for beyond the records' fields.
fn attributes(policies: Option<&Chain>, border: &Border) -> types::Attributes {
    let asked = policies.is_some_and(|policies| policies.asks_for("site"));
    if asked { vec![("site".into(), border.site.clone())] } else { Vec::new() }
}

fn border(ssl: &SslRef, handshake: &Handshake) -> Result<Border, Miss> {
    // A context switched to on which this host is not installed has no site.
    let site = tls::site(ssl).filter(|site| site.host.ptr_eq(&handshake.host)).ok_or(Miss::NoHook)?;
    let border = Border {
        server_name: handshake.hello.server_name.clone(),
        listener: site.listener.clone(),
        site: site.name.clone(),
        verify_mode: tls::verify_mode(ssl),
        epoch: site.epoch,
    };
    if !tls::set_session_id_context(ssl, &site.session_id_context(&border)) {
        return Err(Miss::Internal);
    }
    Ok(border)
}
