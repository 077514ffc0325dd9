//! A ClientHello was read: the connection is taken, or left alone.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use openssl::ssl::SslRef;
use reprise_session::process::remember;

use super::{
    GUEST, Guest, leave, observe,
    seal::{seal, unseal},
    socket,
};
use crate::{
    facts::{Here, Turn},
    ffi,
    hooks::{
        client_hello::read_hello,
        connection::{Connection, Expected, Running, State},
        ex_data,
        places::Settled,
        site::Site,
        switches, trampolines,
    },
    tls::ssl,
};

/// A server's handshake begins, and its ClientHello is still to come: the context that it has now is the one whose callbacks OpenSSL
/// will call, whatever it is switched to.
pub fn awaited(ssl: &SslRef) {
    if ssl::other_protocol(ssl).is_none()
        && let Some(connection) = ex_data::of_or_new_unheard(ssl)
    {
        connection.guest.first.store(ssl::context(ssl), Relaxed);
    }
}

/// A ClientHello was read, and no session is looked for yet.
pub fn read(ssl: &SslRef) {
    if let Some(protocol) = ssl::other_protocol(ssl) {
        // SAFETY: the connection keeps its context alive.
        unsafe { leave::context(ssl::context(ssl) as *mut ffi::SSL_CTX, protocol) };
        return;
    }
    let Some(connection) = ex_data::of_or_new_unheard(ssl) else { return };
    let mut state = connection.state.lock();
    // A handshake on a connection that has had one: what it is for, we do not know.
    if state.complete {
        state.forget();
        return;
    }
    if known(ssl, &mut state) {
        return;
    }
    // Once in a handshake: a program may have forked behind the C library's back.
    remember();
    let Some(guest) = GUEST.get() else { return };
    if guest.observes {
        drop(state);
        observe::hello(ssl, &connection);
    } else if !take(ssl, &connection, &mut state, guest) {
        connection.guest.leave();
    }
}

/// Whether this ClientHello is the one that is known; the answer to a HelloRetryRequest is taken in.
fn known(ssl: &SslRef, state: &mut State) -> bool {
    let answers = ssl::retry_requested(ssl);
    let Some(running) = &mut state.running else { return false };
    if !answers || running.turn == Turn::Second {
        return true;
    }
    running.turn = Turn::Second;
    running.handed = None;
    running.stayed = false;
    // What a client may not change (RFC 8446 section 4.1.2) is for the program to refuse, or not. Here such a one begins anew.
    let hello = read_hello(ssl);
    let random = ssl::hello_random(ssl);
    crate::hello::second::changed_facts(
        (&running.random, &running.hello),
        (&random.try_into().unwrap_or_default(), &hello),
    )
    .is_none()
}

/// False if it is left alone.
fn take(ssl: &SslRef, connection: &Connection, state: &mut State, guest: &Guest) -> bool {
    let context = ssl::context(ssl);
    let first = match connection.guest.first.load(Relaxed) {
        0 => context,
        first => first,
    };
    // SAFETY: the connection keeps both contexts alive: the one that it was made with, and the one that it has.
    let sites = unsafe {
        let (first, context) = (first as *mut ffi::SSL_CTX, context as *mut ffi::SSL_CTX);
        let (Some(hooked), Some(site)) = (ex_data::site(first), ex_data::site(context)) else { return false };
        if !guest.handler.takes() {
            unseal(first, &hooked);
            unseal(context, &site);
            return false;
        }
        if !seal(first, &hooked) || (first != context && !seal(context, &site)) {
            return false;
        }
        (hooked, site)
    };
    let (hooked, site) = sites;
    let addresses = socket::addresses(ssl);
    let listener = addresses.local.map_or(Cow::Borrowed(&*guest.listener), |local| Cow::Owned(local.to_string()));
    let verify_mode = ssl::verify_mode(ssl);
    let from = settled(&hooked, first, &listener, verify_mode);
    let now = if first == context { from.clone() } else { settled(&site, context, &listener, verify_mode) };
    let hello = read_hello(ssl);
    let name = switches::name(&from, &now, hello.server_name.as_deref());
    let expected = Expected { name, place: switches::place(name) };
    let here = expected.place.as_ref();
    let here = here.map(|there| Here { place: there.place.clone(), verify_mode: there.verify_mode });
    ssl::set_options_of_guest(ssl);
    ssl::set_id_generator(ssl, trampolines::generate_session_id);
    if !ssl::set_session_id_context(ssl, &from.session_id_context) {
        return false;
    }
    state.peer = addresses.peer;
    state.handled_by(&site.handler);
    state.announced = None;
    state.running = Some(Running {
        turn: Turn::First,
        seen: None,
        random: ssl::hello_random(ssl).try_into().unwrap_or_default(),
        hello: Arc::new(hello),
        hooked: from.place,
        context,
        here,
        expected: Some(expected),
        context_options: 0,
        refused_early_data: None,
        handed: None,
        stayed: false,
        cut: None,
    });
    let State { running: Some(running), handler: Some(handled), peer, .. } = &mut *state else { return false };
    handled.handshakes.hello(&running.facts(*peer, None), None);
    running.turn = Turn::Again;
    connection.guest.take();
    // From here on, its end is heard of, too.
    ex_data::of_or_new(ssl);
    true
}

fn settled(site: &Site, context: usize, listener: &str, verify_mode: i32) -> Settled {
    // SAFETY: as in `take`, whose contexts these are.
    unsafe { site.places.at(context as *mut ffi::SSL_CTX, listener, verify_mode) }
}
