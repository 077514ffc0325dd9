//! Facts of OpenSSL about sessions that it gives up, each as it shows through the host: only a fatal alert on an established
//! connection takes a session from its owner, and only on the worker.

use crate::support;

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
};

use openssl::ssl::{Ssl, SslContext, SslStream, SslVersion};
use reprise::{Consultations, Host};
use support::{
    raw::{Offer, client_hello, offend},
    spy::Spy,
    *,
};

/// A host on a store that is watched, with a context that it is installed on.
struct Server {
    spy: Spy,
    host: Host,
    context: SslContext,
    /// Somebody wants to know about them: else sessions given up are not looked at.
    _consultations: Option<Consultations>,
}

impl Server {
    fn new() -> Self {
        let server = Self::unasked();
        Self { _consultations: Some(server.host.consultations()), ..server }
    }

    /// One that nobody asks about sessions given up.
    fn unasked() -> Self {
        let spy = Spy::default();
        let host = Host::builder().store(spy.clone()).build().unwrap();
        let context = installed(&host);
        Self { spy, host, context, _consultations: None }
    }

    fn handshake(&self, client: &Client) -> Outcome {
        handshake(&self.host, &self.context, client)
    }

    /// Frees the connection of one handshake without shutting it down.
    fn abandon(&self, client: &Client) -> Outcome {
        let server = Ssl::new(&self.context).unwrap();
        let serve = |stream: &mut SslStream<UnixStream>| {
            stream.accept().map_err(|error| error.to_string())?;
            greet(stream)
        };
        try_handshake_served(server, serve, |stream| self.host.connection(stream.ssl()), client).unwrap()
    }

    /// Waits until the worker has decided about everything given up so far, `given_up` sessions: it takes one after the
    /// other, and so is done with them when it comes to one more.
    fn decided(&self, given_up: usize) {
        self.spy.seen.wait_for_peeks(given_up);
        assert_eq!(self.spy.seen.peeks(), given_up);
        self.abandon(&waiting(SslVersion::TLS1_2));
        self.spy.seen.wait_for_peeks(given_up + 1);
    }

    fn assert_retained(&self, client: &Client) {
        assert_eq!(self.spy.seen.removes(), 0);
        let again = self.handshake(client);
        assert!(again.resumed, "{}", again.miss());
    }
}

/// A client that waits for the server to close.
fn waiting(version: SslVersion) -> Client {
    Client::of(version).then(|stream| {
        let _ = stream.read(&mut [0]);
    })
}

/// A client that ends its connection with a record that does not decrypt.
fn corrupting(version: SslVersion) -> Client {
    Client::of(version).then(|stream| {
        let record = [&[23, 3, 3, 0, 64][..], &[0; 64]].concat();
        stream.get_mut().write_all(&record).unwrap();
        // Until the server has gone.
        let _ = stream.get_mut().read_to_end(&mut Vec::new());
    })
}

#[test]
fn fact_09_a_client_that_closes_uncleanly_keeps_its_session() {
    for version in VERSIONS {
        let server = Server::new();
        let client = Client::of(version).closing_uncleanly();
        let first = handshake_in_c(&server.host, &server.context, &client);
        server.decided(1);
        server.assert_retained(&Client::of(version).offering(first.session()));
    }
}

#[test]
fn fact_11_a_connection_freed_without_shutdown_keeps_its_session() {
    for version in VERSIONS {
        let server = Server::new();
        let first = server.abandon(&waiting(version));
        server.decided(1);
        server.assert_retained(&Client::of(version).offering(first.session()));
    }
}

#[test]
fn fact_27_an_error_left_by_something_else_is_not_taken_for_an_alert() {
    for version in VERSIONS {
        let server = Server::new();
        let ssl = Ssl::new(&server.context).unwrap();
        let report = |stream: &SslStream<UnixStream>| {
            // Stays in this thread's error queue while the connection is freed.
            openssl::x509::X509::from_der(b"no certificate").unwrap_err().put();
            server.host.connection(stream.ssl())
        };
        let serve = |stream: &mut SslStream<UnixStream>| {
            stream.accept().map_err(|error| error.to_string())?;
            greet(stream)
        };
        let first = try_handshake_served(ssl, serve, report, &waiting(version)).unwrap();
        drop(openssl::error::ErrorStack::get());
        server.decided(1);
        server.assert_retained(&Client::of(version).offering(first.session()));
    }
}

#[test]
fn fact_11_a_stranger_who_saw_an_id_cannot_evict_its_session_by_closing() {
    let server = Server::new();
    let first = server.handshake(&Client::of(SslVersion::TLS1_2));
    offend(&server.context, &client_hello(Offer::Id(first.session().id())));
    server.decided(1);
    server.assert_retained(&Client::of(SslVersion::TLS1_2).offering(first.session()));
}

#[test]
fn fact_27_a_stranger_who_saw_an_id_cannot_evict_its_session_with_a_bad_finished() {
    let server = Server::new();
    let first = server.handshake(&Client::of(SslVersion::TLS1_2));
    let hello = client_hello(Offer::Id(first.session().id()));
    // ChangeCipherSpec, then a record that does not decrypt.
    let finished = [&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40][..], &[0; 40]].concat();
    offend(&server.context, &[hello, finished].concat());
    server.decided(1);
    server.assert_retained(&Client::of(SslVersion::TLS1_2).offering(first.session()));
}

#[test]
fn fact_27_a_stranger_cannot_evict_a_session_while_its_owner_is_connected() {
    let server = Server::new();
    let ssl = Ssl::new(&server.context).unwrap();
    let owned = |stream: &mut SslStream<UnixStream>| {
        stream.accept().map_err(|error| error.to_string())?;
        greet(stream)?;
        let id = stream.ssl().session().unwrap().id().to_vec();
        let finished = [&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40][..], &[0; 40]].concat();
        offend(&server.context, &[client_hello(Offer::Id(&id)), finished].concat());
        let _ = stream.read(&mut [0]);
        let _ = stream.shutdown();
        Ok(())
    };
    let client = Client::of(SslVersion::TLS1_2);
    let first = try_handshake_served(ssl, owned, |stream| server.host.connection(stream.ssl()), &client).unwrap();
    server.decided(1);
    server.assert_retained(&client.offering(first.session()));
}

/// Nor does a false binder, whatever OpenSSL's own anti-replay would do.
#[test]
fn fact_12_a_stranger_who_saw_an_identity_cannot_evict_its_session_with_a_false_binder() {
    let server = Server::new();
    let first = server.handshake(&Client::of(SslVersion::TLS1_3));
    let id = first.report.as_ref().unwrap().session_id.unwrap();
    offend(&server.context, &client_hello(Offer::Identities(&[id.as_bytes()])));
    assert_eq!(server.spy.seen.fetches(), 1, "the identity was looked up");
    server.assert_retained(&Client::of(SslVersion::TLS1_3).offering(first.session()));
}

#[test]
fn fact_27_a_fatal_alert_on_an_established_connection_forgets_its_session() {
    for version in VERSIONS {
        let server = Server::new();
        let first = server.handshake(&corrupting(version));
        server.decided(1);
        assert_eq!(server.spy.seen.removes(), 1, "{version:?}");
        assert_eq!(server.handshake(&Client::of(version).offering(first.session())).miss(), "not-found");
    }
}

/// On the thread that has just freed another connection of the session, in whatever way.
#[test]
fn fact_27_a_fatal_alert_on_a_resumed_connection_forgets_its_session() {
    for version in VERSIONS {
        for abandoned in [false, true] {
            let server = Server::new();
            let first =
                if abandoned { server.abandon(&waiting(version)) } else { server.handshake(&Client::of(version)) };
            let second = server.handshake(&corrupting(version).offering(first.session()));
            assert!(second.resumed);
            server.decided(1 + usize::from(abandoned));
            assert_eq!(server.spy.seen.removes(), 1, "{version:?} {abandoned}");
            let last = second.sessions.last().unwrap_or(first.session());
            assert_eq!(server.handshake(&Client::of(version).offering(last)).miss(), "not-found", "{version:?}");
        }
    }
}

#[test]
fn fact_27_an_alert_that_the_client_sent_forgets_its_session() {
    let server = Server::new();
    let serve = |stream: &mut SslStream<UnixStream>| {
        stream.accept().map_err(|error| error.to_string())?;
        greet(stream)?;
        // The client answers a record that does not decrypt with a fatal alert.
        let record = [&[23, 3, 3, 0, 64][..], &[0; 64]].concat();
        stream.get_mut().write_all(&record).unwrap();
        let _ = stream.read(&mut [0]);
        let _ = stream.get_mut().shutdown(Shutdown::Both);
        Ok(())
    };
    for (times, version) in VERSIONS.into_iter().enumerate() {
        let ssl = Ssl::new(&server.context).unwrap();
        let look = |stream: &SslStream<UnixStream>| server.host.connection(stream.ssl());
        let first = try_handshake_served(ssl, serve, look, &waiting(version)).unwrap();
        server.spy.seen.wait_for_peeks(2 * times + 1);
        server.abandon(&waiting(version));
        server.spy.seen.wait_for_peeks(2 * times + 2);
        assert_eq!(server.spy.seen.removes(), times + 1, "{version:?}");
        assert_eq!(server.handshake(&Client::of(version).offering(first.session())).miss(), "not-found");
    }
}

#[test]
fn fact_10_the_store_is_asked_about_sessions_given_up_on_the_worker_only() {
    let server = Server::new();
    handshake_in_c(&server.host, &server.context, &Client::of(SslVersion::TLS1_2).closing_uncleanly());
    server.handshake(&corrupting(SslVersion::TLS1_3));
    server.decided(2);
    let removers = server.spy.seen.removers.lock().unwrap();
    assert!(removers.len() >= 3, "{removers:?}");
    assert!(removers.iter().all(|name| name == "reprise-removals"), "{removers:?}");
}

#[test]
fn fact_09_sessions_that_were_never_kept_are_given_up_without_asking_the_store() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let mut context = server_context(&certificates::server());
    host.install(&mut context, reprise::Listener::named("public").id_nonce(|_| panic!("a foreign id"))).unwrap();
    let context = context.build();
    for version in VERSIONS {
        handshake_in_c(&host, &context, &Client::of(version).closing_uncleanly());
    }
    let context = installed(&host);
    Server { spy, _consultations: Some(host.consultations()), host, context }.decided(0);
}

/// What the store would have to read for it may be on a disk.
#[test]
fn a_session_given_up_is_not_looked_at_where_nobody_is_asked_about_it() {
    let server = Server::unasked();
    server.abandon(&waiting(SslVersion::TLS1_2));
    server.handshake(&corrupting(SslVersion::TLS1_2));
    // By itself the host forgets after a fatal alert, and the worker takes one after the other.
    server.spy.seen.wait_for_removes(1);
    assert_eq!(server.spy.seen.peeks(), 0);
}
